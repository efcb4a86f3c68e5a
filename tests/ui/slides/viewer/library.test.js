import assert from 'node:assert/strict'
import { test } from 'node:test'

import { loadLibrary } from '../../../../ui/slides/viewer/library.js'
import { freshPage } from '../../fakes.js'

test('the library is fetched once, again after a failure, and not when it is there', async () => {
  freshPage()
  const scripts = []
  globalThis.document = { createElement: () => ({}), head: { appendChild: (script) => scripts.push(script) } }
  const first = loadLibrary()
  assert.equal(loadLibrary(), first)
  assert.deepEqual(scripts.map(({ src }) => src), ['/viewer-library/openseadragon.min.js'])
  scripts[0].onerror()
  await assert.rejects(first)
  const second = loadLibrary()
  assert.equal(scripts.length, 2)
  scripts[1].onload()
  await second
  window.OpenSeadragon = {}
  await loadLibrary()
  assert.equal(scripts.length, 2)
})
