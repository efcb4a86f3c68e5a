import assert from 'node:assert/strict'
import { test } from 'node:test'

import { areaUm2, areaWords, layerSpan, lengthUm, lengthWords, magnification, magnificationWords, onSlide, scaleBar, simplified, ticksOf } from '../../../../ui/slides/viewer/geometry.js'

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

test('a magnification is what a scanner calls its objective', () => {
  assert.deepEqual([0.25, 0.5, 1].map(magnification), [40, 20, 10])
  assert.deepEqual([40, 12.6, 9.96, 1.91, 0.0812].map(magnificationWords), ['40×', '13×', '10×', '1.9×', '0.081×'])
})

test('lengths and areas are measured with the scale of either side', () => {
  assert.equal(lengthUm([[0, 0], [30, 0], [30, 40]], [0.5, 0.25]), 25)
  const square = [[0, 0], [40, 0], [40, 20], [0, 20]]
  assert.equal(areaUm2(square, [0.5, 0.25]), 100)
  assert.equal(areaUm2(square.toReversed(), [0.5, 0.25]), 100)
  assert.deepEqual([lengthWords(123.4), lengthWords(2345)], ['123 µm', '2.35 mm'])
  assert.deepEqual([areaWords(12345), areaWords(123456)], ['12300 µm²', '0.123 mm²'])
})

test('a line keeps the points it turns at, and strays by no more than it may', () => {
  const line = Array.from({ length: 101 }, (_, x) => [x, Math.abs(x - 50) + (x % 2) * 0.4])
  const kept = simplified(line, 1)
  assert.deepEqual([kept[0], kept.at(-1)], [line[0], line.at(-1)])
  assert.ok(kept.length <= 5 && kept.some(([x]) => Math.abs(x - 50) <= 1))
  assert.deepEqual(simplified(line, 0.01).length, 101)
})

test('no point lies beside the slide', () => {
  assert.deepEqual(onSlide([-3.2, 10.6], { width: 20, height: 10 }), [0, 10])
})
