// A button that opens a short menu below itself. Closes on choice, Escape, or when the focus leaves.

import { html, nothing, type TemplateResult } from 'lit';
import { icon } from './icon';

export interface MenuItem {
  label: string;
  run: () => void;
  disabled?: boolean;
  /** It has a button of its own where there is room (class of the style sheet that shows it where there is not). */
  className?: string;
}

/** With an `iconName` the button shows that alone, and the label is its tooltip. */
export function menuButton(label: string, items: readonly MenuItem[], iconName?: string): TemplateResult {
  const root = (event: Event) => (event.currentTarget as HTMLElement).closest('.menu')!;
  const setOpen = (menu: Element, open: boolean) => {
    const [button, list] = [menu.querySelector('button')!, menu.querySelector<HTMLElement>('[role=menu]')!];
    list.hidden = !open;
    button.setAttribute('aria-expanded', String(open));
    if (open) shownItems(list)[0]?.focus();
  };
  const onKey = (event: KeyboardEvent) => {
    const menu = root(event);
    if (event.key === 'Escape') {
      setOpen(menu, false);
      menu.querySelector('button')!.focus();
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      const entries = shownItems(menu);
      const at = entries.indexOf(document.activeElement as HTMLElement);
      entries.at((at + (event.key === 'ArrowDown' ? 1 : -1)) % entries.length)?.focus();
    } else return;
    event.preventDefault();
  };
  return html`<div
    class="menu"
    @focusout=${(event: FocusEvent) => {
      if (!root(event).contains(event.relatedTarget as Node | null)) setOpen(root(event), false);
    }}
  >
    <button
      type="button"
      class=${iconName === undefined ? 'secondary' : 'icon-button'}
      title=${iconName === undefined ? nothing : label}
      aria-label=${iconName === undefined ? nothing : label}
      aria-haspopup="menu"
      aria-expanded="false"
      @click=${(event: Event) => setOpen(root(event), root(event).querySelector<HTMLElement>('[role=menu]')!.hidden !== false)}
    >
      ${iconName === undefined ? html`${label}${icon('chevron-down')}` : icon(iconName)}
    </button>
    <div role="menu" class="menu-list" aria-label=${label} hidden @keydown=${onKey}>
      ${items.map(
        ({ label: text, run, disabled, className }) =>
          html`<button
            type="button"
            role="menuitem"
            class=${className ?? nothing}
            tabindex="-1"
            ?disabled=${disabled === true}
            @click=${(event: Event) => {
              setOpen(root(event), false);
              run();
            }}
          >
            ${text}
          </button>`,
      )}
    </div>
  </div>`;
}

const shownItems = (menu: Element): HTMLElement[] =>
  [...menu.querySelectorAll<HTMLElement>('[role=menuitem]:enabled')].filter((item) => item.checkVisibility());
