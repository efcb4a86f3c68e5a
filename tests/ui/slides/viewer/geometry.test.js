import assert from 'node:assert/strict'
import { test } from 'node:test'

import { layerSpan, scaleBar, ticksOf } from '../../../../ui/slides/viewer/geometry.js'

test('the scale bar is 1, 2 or 5 of a round length, as long as fits, at every magnification', () => {
  for (let um = 0.02; um < 60; um *= 1.07) {
    const { px, words } = scaleBar(um)
    assert.ok(px <= 180 && px > 70, `${px} px at ${um} µm/px`)
    const [, number, unit] = /^([\d.e-]+) (µm|mm)$/.exec(words)
    const length = Number(number) * (unit === 'mm' ? 1000 : 1)
    assert.ok(Math.abs(length - px * um) < 1e-6 * length)
    const lead = length / 10 ** Math.floor(Math.log10(length * (1 + 1e-12)))
    assert.ok([1, 2, 5].some((step) => Math.abs(lead - step) < 1e-9), `${words}`)
  }
})

test('lengths from a millimetre on are said in millimetres', () => {
  assert.equal(scaleBar(0.5).words, '50 µm')
  assert.equal(scaleBar(12).words, '2 mm')
})

test('a layer is laid by its longer side', () => {
  assert.deepEqual(layerSpan({ width: 4000, height: 3000 }), { width: 1 })
  assert.deepEqual(layerSpan({ width: 2000, height: 3000 }), { height: 1.5 })
})

test('numbers of a legend stand where their colour is, one at the end flush with it', () => {
  const legend = { low: 0, high: 4, ticks: [0, 1, 4] }
  assert.deepEqual(ticksOf(legend), [{ words: 0, left: 0, last: false }, { words: 1, left: 25, last: false }, { words: 4, left: 100, last: true }])
})
