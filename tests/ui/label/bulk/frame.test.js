import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'

import { Frame } from '../../../../ui/label/bulk/frame.js'

let frame
beforeEach(() => { frame = new Frame(() => [628, 428]) }) // 400 px of plane within its margin
const near = (pair, wanted) => pair.forEach((value, n) => assert.ok(Math.abs(value - wanted[n]) < 1e-9, `${pair} is not ${wanted}`))

test('places on the screen and on the plane are the same two ways', () => {
  near(frame.toScreen(0, 1), [14, 414])
  near(frame.toPlane(...frame.toScreen(0.3, 0.7)), [0.3, 0.7])
  frame.zoomAt([200, 100], 5)
  near(frame.toPlane(...frame.toScreen(0.3, 0.7)), [0.3, 0.7])
})

test('what lies under the pointer stays there as it comes nearer', () => {
  const place = frame.toPlane(200, 100)
  frame.zoomAt([200, 100], 3)
  near(frame.toPlane(200, 100), place)
  assert.equal(frame.scale, 1200)
})

test('it comes no nearer than sixty times and goes no farther than the whole', () => {
  for (let n = 0; n < 20; n += 1) frame.zoomAt([200, 100], 2)
  assert.equal(frame.zoom, 60)
  for (let n = 0; n < 20; n += 1) frame.zoomAt([50, 50], 0.5)
  assert.deepEqual([frame.zoom, frame.x, frame.y], [1, 0, 0])
})

test('a drag moves the plane with the pointer', () => {
  frame.zoomAt([214, 214], 2)
  const place = frame.toPlane(100, 100)
  frame.drag({ x: frame.x, y: frame.y }, [100, 100], [150, 80])
  near(frame.toPlane(150, 80), place)
})

test('in a box of no size the plane still has one', () => assert.equal(new Frame(() => [0, 0]).side, 40))
