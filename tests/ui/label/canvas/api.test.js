import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'

import { Api } from '../../../../ui/label/canvas/api.js'

let asked, renewed, api
const answer = (status, body) => ({ ok: status < 400, status, json: async () => { if (body === undefined) throw new Error('no JSON'); return body } })
beforeEach(() => {
  asked = []
  renewed = 0
  api = new Api(() => { renewed += 1 })
  api.token = 'permission'
})
const fetches = (...answers) => { globalThis.fetch = async (path, options) => { asked.push([path, options]); return answers.shift() } }

test('every request carries the permission in a header, and nothing of it in the address', async () => {
  fetches(answer(200, { items: [] }), answer(200, { done: 1 }))
  assert.deepEqual(await api.get('/api/x'), { items: [] })
  assert.deepEqual(await api.post('/api/y', { a: 1 }), { done: 1 })
  for (const [path, options] of asked) {
    assert.equal(options.headers['x-lab-token'], 'permission')
    assert.ok(!path.includes('permission'))
  }
  assert.equal(asked[1][1].method, 'POST')
  assert.equal(asked[1][1].body, '{"a":1}')
})

test('a refusal is thrown with its words and status', async () => {
  fetches(answer(400, { problem: 'Too late.' }), answer(500))
  await assert.rejects(api.get('/api/x'), { message: 'Too late.', status: 400 })
  await assert.rejects(api.get('/api/x'), { message: 'The lab answered 500.', status: 500 })
  assert.equal(renewed, 0)
})

test('a permission that has run out is asked for anew, once for all requests that failed with it', async () => {
  fetches(answer(401, {}), answer(401, {}))
  await Promise.allSettled([api.get('/api/x'), api.get('/api/y')])
  assert.equal(renewed, 1)
})

test('a lab that does not answer is an error without a status', async () => {
  globalThis.fetch = async () => { throw new TypeError('failed to fetch') }
  await assert.rejects(api.get('/api/x'), (problem) => problem.status === undefined)
})
