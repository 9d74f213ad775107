// Values and statistics of tensors, fetched when somebody asks for them; another selection gives them up.

import type { TensorStatistics } from '../../daemon/protocol/graph';
import type { Asked } from '../../daemon/protocol/pageChannel';
import type { EditorHost } from '../host';
import { tensorValues } from '../inspector/tensorValues';
import type { EditorState, TensorPreview } from './editorState';
import { errorOf } from './errorOf';
import type { Store } from './store';

const previewCount = 64;

export class TensorController {
  /** The statistics that are computed now. */
  private statistics: Asked<TensorStatistics> | undefined;

  constructor(
    private readonly store: Store<EditorState>,
    private readonly host: EditorHost,
  ) {}

  giveUp(): void {
    this.statistics?.cancel();
    this.statistics = undefined;
  }

  /** Fetches the first values of an initializer that has so many. */
  async preview(name: string, elements: number): Promise<void> {
    const { scope, selected } = this.store.state;
    const put = (preview: TensorPreview) => {
      if (this.store.state.selected !== selected) return;
      this.store.update({ previews: new Map(this.store.state.previews).set(name, preview) });
    };
    put({ state: 'loading' });
    try {
      const range = { name, start: 0, count: Math.min(elements, previewCount) };
      const { dtype, data } = await this.host.request('tensor', scope === '' ? range : { scope, ...range });
      const values = tensorValues(dtype, data, range.count);
      if (values === undefined) {
        put({ state: 'failed', why: `Values of type ${dtype} are not shown here.` });
        return;
      }
      const shown = { state: 'shown', values, total: elements } as const;
      put({ ...shown, statistics: undefined });
      const asked = this.host.ask('statistics', scope === '' ? { name } : { scope, name });
      this.statistics?.cancel();
      this.statistics = asked;
      const statistics = await asked.answer.catch((error: unknown) => errorOf(error).message);
      put({ ...shown, statistics });
    } catch (error) {
      put({ state: 'failed', why: errorOf(error).message });
    }
  }
}
