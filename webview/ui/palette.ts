// Our few colours, made from the theme's: the first of several variables that the theme defines and that can be
// told from the background (3:1 or more); where none can, the first one moved towards the text colour.
// Themes define chart colours loosely: some are missing in high contrast, some are half transparent.

export type Rgb = readonly [number, number, number];

const names = {
  blue: ['--vscode-charts-blue', '--vscode-terminal-ansiBrightBlue', '--vscode-textLink-foreground'],
  purple: ['--vscode-charts-purple', '--vscode-terminal-ansiBrightMagenta', '--vscode-terminal-ansiMagenta'],
  orange: ['--vscode-symbolIcon-classForeground', '--vscode-charts-orange', '--vscode-terminal-ansiYellow'],
  green: ['--vscode-charts-green', '--vscode-terminal-ansiBrightGreen', '--vscode-terminal-ansiGreen'],
  yellow: [
    '--vscode-charts-yellow',
    '--vscode-terminal-ansiBrightYellow',
    '--vscode-editorWarning-foreground',
  ],
  red: ['--vscode-charts-red', '--vscode-terminal-ansiBrightRed', '--vscode-errorForeground'],
  grey: ['--vscode-descriptionForeground', '--vscode-foreground'],
  faint: ['--vscode-disabledForeground', '--vscode-descriptionForeground', '--vscode-foreground'],
  plain: ['--vscode-charts-foreground', '--vscode-foreground'],
} as const;

export type Hue = keyof typeof names;
export type Palette = Readonly<Record<Hue, string>>;

/** Used where a theme says nothing at all, which happens in high contrast. */
const last: Readonly<Record<Hue, Rgb>> = {
  blue: [55, 148, 255],
  purple: [177, 128, 215],
  orange: [238, 157, 40],
  green: [137, 209, 133],
  yellow: [204, 167, 0],
  red: [241, 76, 76],
  grey: [128, 128, 128],
  faint: [128, 128, 128],
  plain: [128, 128, 128],
};

/** Reads `#rgb`, `#rrggbb`, `#rrggbbaa`, `rgb()` and `rgba()`, mixed with what lies behind; else undefined. */
export function parseColour(text: string, behind: Rgb): Rgb | undefined {
  const hex = /^#([0-9a-f]{3,8})$/i.exec(text.trim())?.[1];
  if (hex !== undefined) {
    const digits = hex.length < 6 ? Array.from(hex, (c) => c + c).join('') : hex;
    const part = (i: number) => parseInt(digits.slice(2 * i, 2 * i + 2), 16);
    return mix(behind, [part(0), part(1), part(2)], digits.length === 8 ? part(3) / 255 : 1);
  }
  const inside = /^rgba?\(([^)]+)\)$/i.exec(text.trim())?.[1];
  if (inside === undefined) return undefined;
  const [r, g, b, alpha = 1] = inside
    .split(/[\s,/]+/)
    .filter((part) => part !== '')
    .map((part) => (part.endsWith('%') ? Number(part.slice(0, -1)) / 100 : Number(part)));
  if (r === undefined || g === undefined || b === undefined) return undefined;
  return [r, g, b, alpha].every(Number.isFinite) ? mix(behind, [r, g, b], alpha) : undefined;
}

const mix = (from: Rgb, to: Rgb, share: number): Rgb => [
  from[0] + (to[0] - from[0]) * share,
  from[1] + (to[1] - from[1]) * share,
  from[2] + (to[2] - from[2]) * share,
];

/** `share` of the way from one colour to another, as text; a colour that cannot be read gives the first. */
export function mixColours(from: string, to: string, share: number): string {
  const start = parseColour(from, [128, 128, 128]);
  const end = parseColour(to, start ?? [128, 128, 128]);
  if (start === undefined || end === undefined) return from;
  return `rgb(${mix(start, end, share).map(Math.round).join(', ')})`;
}

/** Whether a background calls for light text. */
export const isDarkColour = (text: string): boolean =>
  luminance(parseColour(text, [128, 128, 128]) ?? [255, 255, 255]) <= 0.18;

function luminance(colour: Rgb): number {
  const [r, g, b] = colour.map((value) => {
    const share = value / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

/** Contrast ratio of WCAG 2, from 1 to 21. */
export function contrast(a: Rgb, b: Rgb): number {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high! + 0.05) / (low! + 0.05);
}

/** The palette for what `read` gives of the theme's variables (an empty text where there is none). */
export function makePalette(read: (name: string) => string): Palette {
  const background = parseColour(read('--vscode-editor-background'), [255, 255, 255]) ?? [255, 255, 255];
  const behind = [background];
  for (const name of ['--vscode-input-background', '--vscode-sideBar-background']) {
    const colour = parseColour(read(name), background);
    if (colour !== undefined) behind.push(colour);
  }
  const ends: Rgb = luminance(background) > 0.18 ? [0, 0, 0] : [255, 255, 255];
  const tells = (colour: Rgb) => Math.min(...behind.map((other) => contrast(colour, other))) >= 3;
  const pick = (hue: Hue): string => {
    const given = names[hue].flatMap((name) => {
      const colour = parseColour(read(name), background);
      return colour === undefined ? [] : [colour];
    });
    let colour = given.find(tells) ?? given[0] ?? last[hue];
    const first = colour;
    for (let share = 0.1; share < 1 && !tells(colour); share += 0.1) colour = mix(first, ends, share);
    return `rgb(${colour.map(Math.round).join(', ')})`;
  };
  return Object.fromEntries((Object.keys(names) as Hue[]).map((hue) => [hue, pick(hue)])) as Record<
    Hue,
    string
  >;
}

let sheet: CSSStyleSheet | undefined;

/** Hands the palette to the style sheets as `--slipway-blue` and so on. Returns it for canvases. */
export function applyPalette(): Palette {
  const style = getComputedStyle(document.body);
  const palette = makePalette((name) => style.getPropertyValue(name).trim());
  const rules = Object.entries(palette).map(([hue, colour]) => `--slipway-${hue}: ${colour};`);
  if (sheet === undefined) {
    sheet = new CSSStyleSheet();
    document.adoptedStyleSheets.push(sheet);
  }
  sheet.replaceSync(`body { ${rules.join(' ')} }`);
  return palette;
}
