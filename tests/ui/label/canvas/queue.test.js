import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Queue } from '../../../../ui/label/canvas/queue.js'

const api = (length, asked = []) => ({
  asked,
  get: async (path) => {
    const { searchParams } = new URL(path, 'http://lab')
    const offset = Number(searchParams.get('offset')), limit = Number(searchParams.get('limit'))
    asked.push(offset)
    const count = Math.max(0, Math.min(limit, length - offset))
    return { items: Array.from({ length: count }, (_, n) => ({ position: offset + n, patch_id: 1000 + offset + n })) }
  },
})

test('it opens with twenty patches before the one that is due', async () => {
  const queue = new Queue(api(300), 12)
  const at = await queue.open(100)
  assert.equal(queue.items[at].position, 100)
  assert.equal(queue.items[0].position, 80)
  assert.equal(queue.ended, false)
})

test('past the end there is nothing to show', async () => {
  const queue = new Queue(api(30), 12)
  assert.equal(await queue.open(30), queue.items.length)
  assert.ok(queue.ended)
})

test('more is asked for near the end of what is known, once at a time, and each patch stands once', async () => {
  const from = api(200)
  const queue = new Queue(from, 12)
  await queue.open(0)
  assert.equal(queue.refill(5), null, 'there is enough')
  const first = queue.refill(40)
  assert.equal(queue.refill(41), first)
  await first
  assert.deepEqual(from.asked, [0, 90])
  await queue.refill(130)
  assert.equal(queue.items.length, 200)
  assert.ok(queue.ended)
  assert.equal(new Set(queue.items.map((item) => item.patch_id)).size, 200)
  assert.equal(queue.find(1150), 150)
  assert.equal(queue.find(5), -1)
})

test('a failure to load more is no failure: it is asked again at the next step', async () => {
  const from = api(200)
  const queue = new Queue(from, 12)
  await queue.open(0)
  const { get } = from
  from.get = async () => { throw new Error('away') }
  await queue.refill(80)
  from.get = get
  await queue.refill(80)
  assert.equal(queue.items.length, 180)
})

test('a new order leaves as many places from the one on the screen as the lab says', async () => {
  for (const kept of [3, 12]) {
    const from = api(200)
    const queue = new Queue(from, kept)
    await queue.open(0)
    await queue.renew(5)
    assert.equal(from.asked.at(-1), 5 + kept)
    assert.deepEqual(queue.items.slice(0, 5 + kept + 1).map((item) => item.position), Array.from({ length: 5 + kept + 1 }, (_, n) => n))
  }
})
