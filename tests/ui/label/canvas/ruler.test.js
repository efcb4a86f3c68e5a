import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'

import { Ruler } from '../../../../ui/label/canvas/ruler.js'

let part, ruler, said, used
const line = () => ({ at: {}, setAttribute(name, value) { this.at[name] = value } })
const pointer = (x, y) => ({ button: 0, clientX: x, clientY: y, pointerId: 1 })
beforeEach(() => {
  part = {
    stage: { getBoundingClientRect: () => ({ left: 100, top: 50, width: 400, height: 400 }), setPointerCapture() {} },
    line: { children: [line(), line()], hidden: true, toggleAttribute(name, on) { this[name] = on } },
    length: { hidden: true, style: {}, textContent: '' },
  }
  said = []
  used = 0
  ruler = new Ruler(part, (words) => said.push(words), () => { used += 1 })
  ruler.scaled(149.5)
})

test('a drag measures in microns', () => {
  part.stage.onpointerdown(pointer(180, 150))
  part.stage.onpointermove(pointer(340, 150))
  part.stage.onpointerup()
  assert.equal(part.length.textContent, '60 µm') // 0.4 of 149.5 µm
  assert.equal(part.line.hidden, false)
  assert.deepEqual(part.line.children[1].at, { x1: 20, y1: 25, x2: 60, y2: 25 })
  assert.equal(used, 1)
})

test('a click without a drag takes the ruler away', () => {
  ruler.toggle()
  part.stage.onpointerdown(pointer(180, 150))
  part.stage.onpointerup()
  assert.equal(ruler.on, false)
  assert.ok(part.length.hidden)
})

test('by key it lies 25 µm long in the middle; arrows move its end, with Shift the whole', () => {
  ruler.toggle()
  assert.equal(part.length.textContent, '25 µm')
  for (let n = 0; n < 5; n += 1) assert.ok(ruler.arrow('ArrowRight', false))
  assert.equal(part.length.textContent, '35 µm')
  const [before] = ruler.ends
  ruler.arrow('ArrowUp', true)
  assert.equal(part.length.textContent, '35 µm')
  assert.ok(ruler.ends[0][1] < before[1])
  assert.equal(ruler.arrow('a', false), false)
})

test('it stays on the patch, and short lengths have a decimal', () => {
  ruler.lay([-1, 0.5], [0.02, 0.5])
  assert.deepEqual(ruler.ends, [[0, 0.5], [0.02, 0.5]])
  assert.equal(part.length.textContent, '3.0 µm')
})

test('on a picture of another width it would lie, so it goes; without it arrows are not taken', () => {
  ruler.toggle()
  ruler.scaled(149.5)
  assert.ok(ruler.on)
  ruler.scaled(448.5)
  assert.equal(ruler.on, false)
  assert.equal(ruler.arrow('ArrowLeft', false), false)
})
