import assert from 'node:assert/strict'
import { test } from 'node:test'

import { abgr, fatStep, luminance } from '../../../../ui/label/bulk/colours.js'

test('a colour becomes the four bytes of an opaque pixel', () => {
  const bytes = (hex) => [...new Uint8Array(Int32Array.of(abgr(hex)).buffer)]
  assert.deepEqual(bytes('#0f766e'), [0x0f, 0x76, 0x6e, 0xff])
  assert.deepEqual(bytes('#ffffff'), [255, 255, 255, 255])
})

test('shares of fat fall into the four steps of the legend', () => {
  assert.deepEqual([0, 0.019, 0.02, 0.1, 0.249, 0.25, 1].map(fatStep), [0, 0, 1, 2, 2, 3, 3])
})

test('dark and light grounds are told apart however the page writes its colours', () => {
  for (const dark of ['#0e1117', 'rgb(14, 17, 23)']) assert.ok(luminance(dark) < 0.1)
  for (const light of ['#ffffff', 'rgba(255, 255, 255, 1)', 'white']) assert.ok(luminance(light) > 0.9)
})
