// A small accessibility audit in the page: what every control and landmark must have. Not a full checker.

import type { Page } from 'playwright-core';

/** Sentences on what is wrong; empty when nothing is. */
export const auditPage = (page: Page): Promise<string[]> => page.evaluate(audit);

function audit(): string[] {
  const problems: string[] = [];
  const shown = (element: Element) => element.checkVisibility();
  const describe = (element: Element) => `<${element.tagName.toLowerCase()} class="${element.className}">`;
  const name = (element: Element): string => {
    const labelledBy = element.getAttribute('aria-labelledby');
    return (
      [
        element.getAttribute('aria-label'),
        labelledBy === null ? null : document.getElementById(labelledBy)?.textContent,
        element instanceof HTMLInputElement ? element.labels?.[0]?.textContent : null,
        element.textContent,
        element.getAttribute('title'),
      ]
        .map((text) => text?.trim() ?? '')
        .find((text) => text !== '') ?? ''
    );
  };
  const named =
    'button, input, select, [role=tree], [role=treeitem], [role=toolbar], [role=separator], [role=img], progress, aside, nav';
  for (const element of document.querySelectorAll(named)) {
    if (shown(element) && name(element) === '') problems.push(`${describe(element)} has no name`);
  }
  const ids = [...document.querySelectorAll('[id]')].map(({ id }) => id);
  if (new Set(ids).size !== ids.length) problems.push('two elements share an id');
  for (const attribute of ['aria-activedescendant', 'aria-describedby', 'aria-labelledby', 'aria-controls']) {
    for (const element of document.querySelectorAll(`[${attribute}]`)) {
      const id = element.getAttribute(attribute)!;
      if (document.getElementById(id) === null)
        problems.push(`${describe(element)} refers to #${id}, which is not there`);
    }
  }
  if (document.querySelectorAll('main').length !== 1) problems.push('there is not exactly one main landmark');
  if (document.querySelectorAll('h1').length !== 1) problems.push('there is not exactly one h1');
  for (const table of document.querySelectorAll('table')) {
    if (shown(table) && table.querySelector('th[scope]') === null)
      problems.push('a table has no header cells');
  }
  for (const image of document.querySelectorAll('canvas, svg, .codicon')) {
    if (image.getAttribute('aria-hidden') !== 'true' && image.getAttribute('role') !== 'img') {
      problems.push(`${describe(image)} is neither hidden nor an image with a name`);
    }
  }
  for (const element of document.querySelectorAll('[style]:not([style=""])')) {
    // Set by script (CSSOM) only on these; a style attribute in HTML would be refused by the policy.
    if (!element.matches('html, .editor, canvas'))
      problems.push(`${describe(element)} has a style attribute`);
  }
  for (const element of document.querySelectorAll('[tabindex]')) {
    if (Number(element.getAttribute('tabindex')) > 0)
      problems.push(`${describe(element)} changes the tab order`);
  }
  return problems;
}
