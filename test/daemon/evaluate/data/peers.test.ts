// Pictures against Pillow and text against Hugging Face's tokenizers, which are installed in a throw-away environment.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentTask } from '../../../../daemon/base/task';
import { loadDataset } from '../../../../daemon/evaluate/dataset';
import { readTokenizer } from '../../../../daemon/evaluate/data/tokenizer';
import { setScriptFolder } from '../../../../daemon/host/scripts';
import type { SessionValue } from '../../../../daemon/runtime/runner/session';
import { dataPeers } from '../../../support/evaluationPeers';
import { distFolder, temporaryFolder } from '../../../support/paths';
import { askPython } from '../../../support/pythonEnvironment';

setScriptFolder(distFolder);
const peers = dataPeers();
const folder = temporaryFolder();

const pictures = `
import json, os, sys
import numpy as np
from PIL import Image
asked = json.load(sys.stdin)
folder = asked['folder']
r = np.random.default_rng(0)
os.makedirs(folder + '/0', exist_ok=True)
small = Image.fromarray((r.random((7, 9, 3)) * 255).astype('uint8'))
for i, size in enumerate([(61, 47), (40, 90), (33, 33), (300, 200)]):
    im = small.resize(size, Image.BICUBIC)
    name = folder + '/0/' + 'abcd'[i]
    im.save(name + '1.png'); im.save(name + '2.jpg', quality=92); im.save(name + '3.webp', lossless=True)
    im.save(name + '4.webp', quality=80); im.convert('L').save(name + '5.png'); im.convert('L').save(name + '6.jpg')
    im.convert('P', palette=Image.ADAPTIVE).save(name + '7.png'); im.convert('RGBA').save(name + '8.png')
def short_side(im, side):
    w, h = im.size
    return im.resize((int(side * w / h), side) if h <= w else (side, int(side * h / w)), Image.BILINEAR)
answers = []
for file in sorted(os.listdir(folder + '/0')):
    im = Image.open(folder + '/0/' + file)
    for mode in ['RGB', 'L']:
        one = short_side(im.convert('RGB').convert(mode), 32)
        w, h = one.size
        top, left = int(round((h - 28) / 2.0)), int(round((w - 24) / 2.0))
        answers.append(np.asarray(one.crop((left, top, left + 24, top + 28))).reshape(-1).tolist())
json.dump(answers, sys.stdout)
`;

const text = `
import json, sys
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers, decoders
asked = json.load(sys.stdin)
corpus = asked['corpus']
def wordpiece():
    t = Tokenizer(models.WordPiece(unk_token='[UNK]'))
    t.normalizer = normalizers.BertNormalizer()
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.train_from_iterator(corpus, trainers.WordPieceTrainer(vocab_size=300, special_tokens=['[PAD]', '[UNK]', '[CLS]', '[SEP]']))
    t.post_processor = processors.TemplateProcessing(single='[CLS] $A [SEP]', pair='[CLS] $A [SEP] $B:1 [SEP]:1', special_tokens=[('[CLS]', 2), ('[SEP]', 3)])
    return t
def bpe():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=['<s>', '<pad>', '</s>']))
    t.post_processor = processors.RobertaProcessing(('</s>', 2), ('<s>', 0))
    return t
def unigram():
    t = Tokenizer(models.Unigram())
    t.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    t.train_from_iterator(corpus, trainers.UnigramTrainer(vocab_size=150, unk_token='<unk>', special_tokens=['<pad>', '<unk>', '</s>']))
    t.post_processor = processors.TemplateProcessing(single='$A </s>', pair='$A </s> $B </s>', special_tokens=[('</s>', 2)])
    return t
answers = {}
for name, make in [('wordpiece', wordpiece), ('bpe', bpe), ('unigram', unigram)]:
    t = make()
    t.save(asked['folder'] + '/' + name + '.json')
    rows = []
    for most in [None, 8]:
        if most: t.enable_truncation(most)
        for a, b in asked['texts']:
            e = t.encode(a, b) if b is not None else t.encode(a)
            rows.append([e.ids, e.type_ids])
    answers[name] = rows
json.dump(answers, sys.stdout)
`;

const texts: readonly (readonly [string, string | null])[] = [
  ['Hello, world!', null],
  ['The quick brown fox jumps over the lazy dog, twice; then it sleeps until the morning.', null],
  ['Crème brûlée costs €4.50 – naïve?', null],
  ['', null],
  ['  spaces   and\ttabs\nand lines ', null],
  ['日本語 and emoji 🙂 mixed', null],
  ['What is it?', 'A short answer that is longer than the question was.'],
  ['A question that is rather long, so that it must be cut as well', 'Answer'],
  ["don't, can't, won't: it's 1,234.5 o'clock", null],
];

if ('missing' in peers) {
  test(`data was not held against Pillow and tokenizers: ${peers.missing}`, () => undefined);
} else {
  test('PNG, JPEG and WebP come out as from Pillow: resized, cropped, grey or in colour', async () => {
    const wanted = askPython(peers.python, pictures, { folder }) as number[][];
    for (const [offset, channels, most] of [
      [0, 3, 2],
      [1, 1, 2],
    ] as const) {
      const input: SessionValue = { name: 'x', type: 'uint8', dims: ['n', 28, 24, channels] };
      const options = { preprocess: 'resize=32,crop=28x24,layout=NHWC' };
      const data = await loadDataset(folder, [input], options, silentTask);
      assert.equal(data.samples, 32);
      let index = 0;
      for await (const { feeds, count } of data.batches(5)) {
        const values = feeds['x']!.data as Uint8Array;
        const width = 28 * 24 * channels;
        for (let i = 0; i < count; i += 1, index += 1) {
          const should = wanted[2 * index + offset]!;
          const own = values.subarray(i * width, (i + 1) * width);
          const worst = own.reduce((most, value, k) => Math.max(most, Math.abs(value - should[k]!)), 0);
          // Rounding of a resized value may fall the other way; lossy decoders differ by a level more.
          const lossless = index % 8 !== 1 && index % 8 !== 3 && index % 8 !== 5;
          assert.ok(worst <= (lossless ? 1 : most), `picture ${index}, ${channels} channels: ${worst}`);
        }
      }
    }
  });

  test('WordPiece, BPE and Unigram give the tokens of the Python library, cut or not', async () => {
    const path = join(folder, 'text');
    mkdirSync(path);
    const corpus = readFileSync('README.md', 'utf8')
      .split('\n')
      .concat(texts.map(([one]) => one));
    const answers = askPython(peers.python, text, { folder: path, corpus, texts }) as Record<
      string,
      [number[], number[]][]
    >;
    for (const [name, rows] of Object.entries(answers)) {
      const tokenizer = await readTokenizer(join(path, `${name}.json`));
      [undefined, 8].forEach((most, round) => {
        texts.forEach(([one, pair], i) => {
          const { ids, types } = tokenizer.encode(one, pair ?? undefined, most);
          const [wantedIds, wantedTypes] = rows[round * texts.length + i]!;
          assert.deepEqual(ids, wantedIds, `${name}, ${most ?? 'whole'}: ${one}`);
          assert.deepEqual(types, wantedTypes, `${name}, types, ${most ?? 'whole'}: ${one}`);
        });
      });
    }
  });

  test('a table of text becomes token ids, filled to the longest of the batch', async () => {
    const path = join(folder, 'table');
    mkdirSync(path);
    writeFileSync(join(path, 'data.csv'), 'text,label\nHello,1\n"The quick brown fox, again",0\n');
    writeFileSync(join(path, 'tokenizer.json'), readFileSync(join(folder, 'text', 'wordpiece.json')));
    const inputs: SessionValue[] = ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => ({
      name,
      type: 'int64',
      dims: ['batch', 'sequence'],
    }));
    const data = await loadDataset(join(path, 'data.csv'), inputs, {}, silentTask);
    for await (const { feeds } of data.batches(2)) {
      const [, length = 0] = feeds['input_ids']!.dims;
      const mask = feeds['attention_mask']!.data as BigInt64Array;
      const ids = feeds['input_ids']!.data as BigInt64Array;
      assert.equal(mask[0], 1n);
      assert.equal(mask[length - 1], 0n);
      assert.equal(mask[2 * length - 1], 1n);
      assert.equal(ids[length - 1], 0n);
      assert.ok(length > 5);
    }
    const fixed = inputs.map((input) => ({ ...input, dims: ['batch', 4] }));
    const cut = await loadDataset(join(path, 'data.csv'), fixed, {}, silentTask);
    for await (const { feeds } of cut.batches(2)) assert.deepEqual(feeds['input_ids']!.dims, [2, 4]);
    assert.match(cut.notes.join(), /made into tokens with .*tokenizer\.json, 4 at the most/);
  });
}
