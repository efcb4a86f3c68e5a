import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'

import { AT_ONCE, Grid } from '../../../../ui/label/bulk/grid.js'
import { promised, until } from '../../fakes.js'

let grid, box, asked
const element = () => {
  const canvas = { getContext: () => ({ drawImage() {} }) }
  const attributes = {}
  return {
    dataset: {}, attributes, classList: { add: (name) => { attributes.class = name } }, append() {}, querySelector: () => canvas,
    setAttribute: (name, value) => { attributes[name] = value }, getAttribute: (name) => attributes[name],
  }
}
beforeEach(() => {
  globalThis.document = { createElement: element }
  asked = []
  box = { tiles: [], append: (...tiles) => box.tiles.push(...tiles), replaceChildren: () => { box.tiles = [] } }
  grid = new Grid(box, { picture: (path) => { const made = promised(); asked.push({ path, ...made }); return made.promise } })
})
const points = (n) => ({ id: Array.from({ length: n }, (_, k) => 100 + k), slide: Array(n).fill(0), head: { slides: [{ name: 'a.svs' }] } })
const order = (n) => Uint32Array.from({ length: n }, (_, k) => k)
const picture = { close() {} }

test('four pictures are fetched at once, and each is counted when it is on the screen', async () => {
  grid.show(points(6), order(6))
  assert.deepEqual(asked.map(({ path }) => path), [100, 101, 102, 103].map((id) => `/api/patch/${id}.jpg`))
  assert.equal(grid.painted, 0)
  asked[0].resolve(picture)
  await until(() => asked.length === 5)
  assert.equal(grid.painted, 1)
  asked[1].reject(new Error('damaged'))
  await until(() => grid.painted === 2)
  assert.equal(box.tiles[1].attributes.class, 'broken')
})

test('a few dozen are shown, and more when asked for', () => {
  grid.show(points(100), order(100))
  assert.deepEqual([grid.shown, grid.rest], [AT_ONCE, 100 - AT_ONCE])
  grid.more()
  assert.equal(box.tiles.length, 2 * AT_ONCE)
})

test('another choice stops the fetching of the first', async () => {
  grid.show(points(10), order(10))
  grid.show(points(3), order(3))
  for (const { resolve } of asked.slice(0, 4)) resolve(picture)
  await until(() => asked.length === 7)
  await new Promise((go) => setTimeout(go, 20))
  assert.equal(asked.length, 7)
  assert.equal(grid.painted, 0)
})

test('a click leaves a patch out, and another takes it back in', () => {
  const toggled = []
  grid.ontoggle = (n) => toggled.push(n)
  grid.show(points(3), order(3))
  const [tile] = box.tiles
  const click = { composedPath: () => [{}, tile] }
  tile.dataset.n = '0'
  box.onclick(click)
  assert.equal(tile.attributes['aria-pressed'], 'false')
  box.onclick(click)
  assert.equal(tile.attributes['aria-pressed'], 'true')
  assert.deepEqual(toggled, [0, 0])
})
