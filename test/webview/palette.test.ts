// The palette over the four themes, and over ones that leave variables out.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contrast, makePalette, parseColour, type Rgb } from '../../webview/ui/palette';
import { themes } from '../support/themes';

const white: Rgb = [255, 255, 255];

test('colours are read in all forms that themes use', () => {
  assert.deepEqual(parseColour('#f00', white), [255, 0, 0]);
  assert.deepEqual(parseColour('#0000ff', white), [0, 0, 255]);
  assert.deepEqual(parseColour('rgba(0, 0, 0, 0.5)', white), [127.5, 127.5, 127.5]);
  assert.deepEqual(parseColour('rgb(1 2 3 / 100%)', white), [1, 2, 3]);
  assert.equal(parseColour('', white), undefined);
  assert.equal(parseColour('tomato', white), undefined);
});

for (const [name, { variables }] of Object.entries(themes)) {
  for (const kind of ['as it is', 'without chart colours', 'with a muddy orange'] as const) {
    test(`every colour can be told from the background: ${name}, ${kind}`, () => {
      const read = (variable: string) => {
        const key = variable.replace('--vscode-', '');
        if (kind === 'without chart colours' && key.startsWith('charts-')) return '';
        if (kind === 'with a muddy orange' && key === 'charts-orange') return '#5a3a10';
        return variables[key] ?? '';
      };
      const background = parseColour(read('--vscode-editor-background'), white)!;
      for (const [hue, colour] of Object.entries(makePalette(read))) {
        const ratio = contrast(parseColour(colour, white)!, background);
        assert.ok(ratio >= 2.95, `${hue} ${colour}: ${ratio}`);
      }
    });
  }
}
