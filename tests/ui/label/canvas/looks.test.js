import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Looks, alone, dyesOf, tone, unmixing } from '../../../../ui/label/canvas/looks.js'

const dot = (a, b) => a.reduce((sum, value, n) => sum + value * b[n], 0)
const near = (value, wanted, by = 1e-9) => assert.ok(Math.abs(value - wanted) < by, `${value} is not ${wanted}`)

for (const stain of ['H&E', 'Masson Trichrome', null]) {
  test(`of ${stain}, what one dye absorbs holds one part of it and none of the others`, () => {
    const dyes = dyesOf(stain)
    for (let which = 0; which < 3; which += 1) dyes.forEach((dye, n) => near(dot(unmixing(dyes, which), dye), n === which ? 1 : 0))
  })
}

test('a pixel of one dye alone stays dark in that dye and is white in the other', () => {
  const [haematoxylin, eosin] = dyesOf('H&E')
  const pixel = (dye) => Uint8ClampedArray.from([...dye.map((share) => 256 * Math.exp(-1.2 * share) - 1), 255])
  for (const [dye, dark] of [[haematoxylin, true], [eosin, false]]) {
    const data = pixel(dye)
    alone(data, 0, 'H&E')
    assert.equal(data[0], data[1])
    assert.equal(data[1], data[2])
    assert.equal(data[3], 255)
    near(data[0], dark ? 256 * Math.exp(-1.2) - 1 : 255, 2)
  }
})

test('brightness and contrast change each channel alike and leave what is transparent', () => {
  const data = Uint8ClampedArray.from([0, 100, 250, 7])
  tone(data, 1.2, 1.3)
  assert.deepEqual([...data], [0, Math.round((120 - 128) * 1.3 + 128), 255, 7])
})

test('looks go round and back, and say what they are', () => {
  const looks = new Looks()
  assert.ok(looks.neutral)
  assert.deepEqual(looks.facts, {})
  looks.brighter()
  looks.only('haematoxylin')
  assert.deepEqual(looks.facts, { brightness: 1.2, stain: 'haematoxylin' })
  assert.equal(looks.words, 'Haematoxylin alone · brightness 120 %')
  looks.only('haematoxylin')
  for (let n = 0; n < 3; n += 1) looks.brighter()
  assert.ok(looks.neutral)
  looks.sharper()
  looks.reset()
  assert.ok(looks.neutral)
  assert.equal(looks.of('the picture', 'H&E'), 'the picture')
})
