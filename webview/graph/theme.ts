// The theme's colours and fonts for canvases, which cannot use CSS variables. Read again on every change.

import { applyPalette, isDarkColour, type Hue, type Palette } from '../ui/palette';
import { families, type Family } from './families';

export interface Theme {
  readonly background: string;
  readonly foreground: string;
  readonly muted: string;
  readonly boxFill: string;
  readonly boxBorder: string;
  readonly hoverBorder: string;
  readonly selection: string;
  readonly line: string;
  readonly match: string;
  readonly currentMatch: string;
  readonly family: Readonly<Record<Family, string>>;
  readonly hue: Palette;
  readonly isDark: boolean;
  readonly fontFamily: string;
  readonly highContrast: boolean;
  readonly reducedMotion: boolean;
}

/** The same hues as in base.css. */
const familyHues: Readonly<Record<Family, Hue>> = {
  convolution: 'blue',
  matrix: 'purple',
  activation: 'orange',
  normalization: 'green',
  reduction: 'yellow',
  quantization: 'red',
  shape: 'faint',
  arithmetic: 'grey',
  control: 'plain',
  other: 'plain',
};

/** Reads the theme from the document's variables. */
export function readTheme(): Theme {
  const style = getComputedStyle(document.body);
  const read = (...names: string[]) => {
    for (const name of names) {
      const value = style.getPropertyValue(name).trim();
      if (value !== '') return value;
    }
    return 'gray';
  };
  const palette = applyPalette();
  const { classList } = document.body;
  const highContrast =
    classList.contains('vscode-high-contrast') || classList.contains('vscode-high-contrast-light');
  const muted = read('--vscode-descriptionForeground', '--vscode-foreground');
  return {
    background: read('--vscode-editor-background'),
    foreground: read('--vscode-editor-foreground', '--vscode-foreground'),
    muted,
    boxFill: read('--vscode-input-background', '--vscode-editorWidget-background'),
    boxBorder: highContrast
      ? read('--vscode-contrastBorder')
      : read('--vscode-input-border', '--vscode-editorWidget-border', '--vscode-panel-border'),
    hoverBorder: read('--vscode-contrastActiveBorder', '--vscode-focusBorder'),
    selection: read('--vscode-focusBorder'),
    line: highContrast ? read('--vscode-foreground') : read('--vscode-charts-lines', '--vscode-foreground'),
    match: read('--vscode-editor-findMatchHighlightBackground', '--vscode-focusBorder'),
    currentMatch: read('--vscode-editor-findMatchBackground', '--vscode-focusBorder'),
    family: Object.fromEntries(families.map((family) => [family, palette[familyHues[family]]])) as Record<
      Family,
      string
    >,
    hue: palette,
    isDark: isDarkColour(read('--vscode-editor-background')),
    fontFamily: read('--vscode-font-family'),
    highContrast,
    reducedMotion:
      classList.contains('vscode-reduce-motion') ||
      window.matchMedia('(prefers-reduced-motion: reduce)').matches,
  };
}

/** Calls back whenever VS Code changes the theme: it rewrites the body's classes and the root's variables. */
export function watchTheme(changed: () => void): void {
  const observer = new MutationObserver(changed);
  observer.observe(document.body, {
    attributes: true,
    attributeFilter: ['class', 'data-vscode-theme-id', 'data-vscode-theme-kind'],
  });
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ['style'] });
  window.matchMedia('(prefers-reduced-motion: reduce)').addEventListener('change', changed);
}
