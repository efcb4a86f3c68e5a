import assert from 'node:assert/strict'
import { test } from 'node:test'

import { oneTheme } from '../../../ui/shell/one_theme.js'

// A browser's storage, with its functions on a prototype of its own as there.
function storage(kept = {}) {
  const proto = {
    getItem(name) { return Object.hasOwn(kept, name) ? kept[name] : null },
    setItem(name, value) { kept[name] = String(value) },
  }
  return Object.assign(Object.create(proto), { kept })
}

test('what is chosen on one page is the theme of a page that is opened later, and other things are kept as they are', () => {
  const kept = {}
  const slides = storage(kept)
  oneTheme(slides, '/slides')
  slides.setItem('stActiveTheme-/slides-v2', '"Dark"')
  slides.setItem('other', '1')
  oneTheme(storage(kept), '/label')
  assert.equal(kept['stActiveTheme-/label-v2'], '"Dark"')
  assert.equal(kept.other, '1')
})

test('with nothing chosen or something else under its name a page begins as Streamlit has it', () => {
  for (const said of [undefined, 'not JSON', '7']) {
    const kept = said === undefined ? {} : { 'mmdnet:theme': said }
    oneTheme(storage(kept), '/')
    assert.deepEqual(Object.keys(kept).filter((name) => name.startsWith('st')), [])
  }
})
