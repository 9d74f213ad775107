// Paths in stack traces come from model files: which of them are looked at, and which file of a workspace one means.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closest, plainFileName, refusal } from '../../../extension/editor/sourcePath';

test('paths that reach another machine, or are no sources, are not looked at', () => {
  for (const path of ['\\\\evil\\share\\a.py', '//evil/share/a.py', 'http://evil/a.py', 'file:///etc/a.py'])
    assert.match(refusal(path)!, /another machine/, path);
  for (const path of ['/etc/passwd', '/dev/zero', '/home/me/.ssh/id_rsa', 'C:\\x.exe', '/a.py/../../b'])
    assert.match(refusal(path)!, /Only Python sources/, path);
  for (const path of ['/a\0.py', '/a\n.py', `/${'a'.repeat(5000)}.py`])
    assert.match(refusal(path)!, /no path/);
  for (const path of ['/home/me/net.py', 'C:\\Users\\me\\net.py', 'src/net.py', 'D:/x/y.PY'])
    assert.equal(refusal(path), undefined, path);
});

test('a file name stands in a glob only where it means itself', () => {
  assert.equal(plainFileName('/x/mein netz_2.py'), 'mein netz_2.py');
  assert.equal(plainFileName('C:\\x\\net.py'), 'net.py');
  for (const path of ['/x/{a,b}.py', '/x/*.py', '/x/[a].py', '/x/a?.py', ''])
    assert.equal(plainFileName(path), undefined);
});

test('the file whose path ends most like the wanted one is meant', () => {
  const paths = ['/w/a/models/net.py', '/w/b/models/net.py', '/w/b/net.py', '/w/other.py'];
  assert.deepEqual(closest(paths, '/ci/build/b/models/net.py'), ['/w/b/models/net.py']);
  assert.deepEqual(closest(paths, 'C:\\ci\\models\\net.py'), ['/w/a/models/net.py', '/w/b/models/net.py']);
  assert.deepEqual(closest(paths, '/ci/none.py'), []);
});
