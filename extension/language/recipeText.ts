// Where a recipe file says what, for what is shown in its text. Pure; the daemon reads recipes properly.

import type { RunRecipeResult } from '../../daemon/protocol/runRecipe';
import { bytesText } from '../views/bytesText';

export interface RecipeLines {
  /** Path of the model as it is written. */
  readonly model: string;
  readonly modelLine: number;
  readonly stepsLine: number;
  /** Lines of the single steps. */
  readonly steps: readonly number[];
}

/** Undefined for text that is no recipe. Lines count from 0. */
export function recipeLines(text: string): RecipeLines | undefined {
  const lines = text.split(/\r?\n/);
  const modelLine = lines.findIndex((line) => /^model:\s*\S/.test(line));
  const stepsLine = lines.findIndex((line) => /^steps:/.test(line));
  if (modelLine < 0 || stepsLine < 0) return undefined;
  const model = lines[modelLine]!.replace(/^model:\s*/, '')
    .replace(/\s+#.*$/, '')
    .trim()
    .replace(/^(["'])(.*)\1$/, '$2');
  if (!/\.onnx$/i.test(model)) return undefined;
  const steps: number[] = [];
  let indent: number | undefined;
  for (let i = stepsLine + 1; i < lines.length && !/^[^\s#-]/.test(lines[i]!); i += 1) {
    const found = /^(\s*)-\s/.exec(lines[i]!);
    if (!found) continue;
    indent ??= found[1]!.length;
    if (found[1]!.length === indent) steps.push(i);
  }
  return { model, modelLine, stepsLine, steps };
}

const sizeOf = (bytes: number, before: number): string =>
  `${bytesText(bytes)}, ${Number((bytes / Math.max(1, before)).toPrecision(3))} of the size`;

function topOf(top1: number | null, before: number | null): string {
  if (top1 === null) return '';
  const lost = before === null ? '' : ` (${signed(100 * (top1 - before))} points)`;
  return `, top-1 ${(100 * top1).toFixed(1)} %${lost}`;
}

const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(1)}`;

/** What a run gave, in a line for the whole and one for each step. */
export function resultLines({ before, after, steps, speed }: RunRecipeResult): {
  readonly whole: string;
  readonly steps: readonly string[];
} {
  const faster = speed === null ? '' : `, ${Number(speed.p50Ratio.toPrecision(3))}× as fast`;
  return {
    whole: `${sizeOf(after.fileBytes, before.fileBytes)}${topOf(after.top1, before.top1)}${faster}`,
    steps: steps.map(
      ({ fileBytes, top1, seconds }) =>
        `${sizeOf(fileBytes, before.fileBytes)}${topOf(top1, before.top1)}, ${Number(seconds.toPrecision(2))} s`,
    ),
  };
}
