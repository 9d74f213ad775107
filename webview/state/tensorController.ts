// Values and statistics of tensors, fetched when somebody asks for them; another selection gives them up.

import type { TensorStatistics } from '../../daemon/protocol/graph';
import type { Asked } from '../../daemon/protocol/pageChannel';
import { operatorOf, placeOf } from '../graph/openCall';
import type { EditorHost } from '../host';
import type { ValueRange } from '../inspector/tensorRange';
import { tensorValues } from '../inspector/tensorValues';
import type { EditorState, TensorPreview } from './editorState';
import { errorOf } from './errorOf';
import type { Store } from './store';

export class TensorController {
  /** The statistics that are computed now. */
  private statistics: Asked<TensorStatistics> | undefined;
  /** Values that are read now, by initializer. */
  private readonly turning = new Map<string, Asked<unknown>>();

  constructor(
    private readonly store: Store<EditorState>,
    private readonly host: EditorHost,
  ) {}

  giveUp(): void {
    this.statistics?.cancel();
    this.statistics = undefined;
    for (const asked of this.turning.values()) asked.cancel();
    this.turning.clear();
  }

  /** Fetches values of an initializer that has so many; the statistics with the first of them. */
  async preview(name: string, range: ValueRange): Promise<void> {
    const { scope, selected } = this.store.state;
    const known = () => this.store.state.previews.get(name);
    const put = (preview: TensorPreview) => {
      if (this.store.state.selected !== selected || this.store.state.scope !== scope) return;
      this.store.update({ previews: new Map(this.store.state.previews).set(name, preview) });
    };
    const before = known();
    put(before?.state === 'shown' ? { ...before, turning: true } : { state: 'loading' });
    const table = this.store.state.table;
    const operator =
      table === undefined || selected === undefined ? undefined : operatorOf(table.model, selected);
    const graph = operator === undefined ? scope : placeOf(table!.model, scope, operator).scope;
    const at = graph === '' ? { name } : { scope: graph, name };
    this.turning.get(name)?.cancel();
    const asked = this.host.ask('tensor', { ...at, ...range });
    this.turning.set(name, asked);
    const isOver = () => this.turning.get(name) !== asked;
    try {
      const { dtype, data } = await asked.answer;
      if (isOver()) return;
      const values = tensorValues(dtype, data, range.count);
      if (values === undefined) {
        put({ state: 'failed', why: `Values of type ${dtype} are not shown here.` });
        return;
      }
      const now = known();
      const statistics = now?.state === 'shown' ? now.statistics : undefined;
      put({ state: 'shown', start: range.start, values, turning: false, statistics });
      if (now?.state === 'shown') return;
      const found = await this.askStatistics(at);
      const shown = known();
      if (shown?.state === 'shown') put({ ...shown, statistics: found });
    } catch (error) {
      if (isOver()) return;
      const why = errorOf(error).message;
      const now = known();
      put(now?.state === 'shown' ? { ...now, turning: false, why } : { state: 'failed', why });
    }
  }

  private askStatistics(at: { scope?: string; name: string }): Promise<TensorStatistics | string> {
    const asked = this.host.ask('statistics', at);
    this.statistics?.cancel();
    this.statistics = asked;
    return asked.answer.catch((error: unknown) => errorOf(error).message);
  }
}
