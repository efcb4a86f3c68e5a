import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'

import { Pictures } from '../../../../ui/label/canvas/pictures.js'
import { promised, until } from '../../fakes.js'

let asked, pictures, closed
beforeEach(() => {
  asked = new Map()
  closed = []
  pictures = new Pictures({ picture: (path) => { const made = promised(); asked.set(path, made); return made.promise } })
})
const bitmap = (path) => ({ path, close: () => closed.push(path) })
const arrive = (path) => asked.get(path).resolve(bitmap(path))

test('four are fetched ahead at once, the first first, and what is asked for now does not wait for them', async () => {
  pictures.want(['a', 'b', 'c', 'd', 'e', 'f'])
  assert.deepEqual([...asked.keys()], ['a', 'b', 'c', 'd'])
  const now = pictures.get('z')
  assert.ok(asked.has('z'))
  arrive('z')
  assert.equal((await now).path, 'z')
  arrive('a')
  await until(() => asked.has('e'))
  assert.equal(asked.has('f'), false)
})

test('what was wanted and is wanted no more is not fetched', async () => {
  pictures.want(['a', 'b', 'c', 'd', 'e'])
  pictures.want(['x'])
  arrive('a')
  await until(() => asked.has('x'))
  assert.equal(asked.has('e'), false)
})

test('a picture is fetched once and then there at once', async () => {
  const first = pictures.get('a')
  assert.equal(pictures.get('a'), first)
  assert.equal(pictures.now('a'), null)
  arrive('a')
  assert.equal(await first, pictures.now('a'))
})

test('one that failed may be asked for again', async () => {
  const first = pictures.get('a')
  asked.get('a').reject(new Error('away'))
  await assert.rejects(first)
  const second = pictures.get('a')
  arrive('a')
  assert.equal((await second).path, 'a')
})

test('the oldest are let go beyond what is kept', async () => {
  for (let n = 0; n < 141; n += 1) {
    const path = `p${n}`
    const got = pictures.get(path)
    arrive(path)
    await got
  }
  assert.deepEqual(closed, ['p0'])
  assert.equal(pictures.now('p0'), null)
  assert.ok(pictures.now('p140'))
})
