import assert from 'node:assert/strict'
import { test } from 'node:test'

import { loadLibrary } from '../../../../ui/slides/viewer/library.js'
import { freshPage } from '../../fakes.js'

const FROM = '/lab/viewer-library'

test('the library is fetched once, again after a failure, and not when it is there', async () => {
  freshPage()
  const scripts = []
  globalThis.document = { createElement: () => ({}), head: { appendChild: (script) => scripts.push(script) } }
  const first = loadLibrary(FROM)
  assert.equal(loadLibrary(FROM), first)
  assert.deepEqual(scripts.map(({ src }) => src), ['/lab/viewer-library/openseadragon.min.js'])
  scripts[0].onerror()
  await assert.rejects(first)
  const second = loadLibrary(FROM)
  assert.equal(scripts.length, 2)
  scripts[1].onload()
  await second
  window.OpenSeadragon = {}
  await loadLibrary(FROM)
  assert.equal(scripts.length, 2)
})
