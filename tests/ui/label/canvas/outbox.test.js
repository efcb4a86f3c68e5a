import assert from 'node:assert/strict'
import { beforeEach, test } from 'node:test'

import { Outbox } from '../../../../ui/label/canvas/outbox.js'
import { freshPage, promised, refusal, until } from '../../fakes.js'

let sent, answers, api
beforeEach(() => {
  freshPage()
  sent = []
  answers = []
  api = {
    post: async (path, { acts }) => {
      assert.equal(path, '/api/label/acts')
      sent.push(acts.map((act) => act.key))
      const answer = answers.shift()
      if (answer instanceof Error) throw answer
      return (await answer) ?? { results: acts.map((act) => ({ key: act.key, saved: true })) }
    },
  }
})
const outbox = (session = 7) => new Outbox(session, api, () => {})
const kept = () => Object.keys(localStorage).length

test('an act is kept before it is sent, and leaves when the lab has answered for it', async () => {
  const answer = promised()
  answers.push(answer.promise)
  const box = outbox()
  const done = box.put({ key: 'a' }, 10_000)
  assert.equal(kept(), 1)
  assert.equal(box.size, 1)
  answer.resolve({ results: [{ key: 'a', saved: true }] })
  assert.deepEqual(await done, { key: 'a', saved: true })
  await until(() => box.size === 0)
  assert.equal(kept(), 0)
})

test('why a lab cannot save is told as it says it, and forgotten when it can', async () => {
  answers.push(refusal(503, 'The disk is full.'))
  const box = outbox()
  box.put({ key: 'a' })
  await until(() => !box.reachable)
  assert.equal(box.trouble, 'The disk is full.')
  assert.equal(kept(), 1)
  await until(() => box.size === 0)
  assert.equal(box.trouble, '')
})

test('nobody waits longer for the lab than their patience', async () => {
  answers.push(promised().promise)
  assert.equal(await outbox().put({ key: 'a' }, 5), null)
  assert.equal(kept(), 1)
})

test('acts that come while some are under way go out together, in their order', async () => {
  const answer = promised()
  answers.push(answer.promise)
  const box = outbox()
  for (const key of ['a', 'b', 'c']) box.put({ key })
  answer.resolve({ results: [{ saved: true }] })
  await until(() => box.size === 0)
  assert.deepEqual(sent, [['a'], ['b', 'c']])
})

test('a lab that is away is asked again with the same acts until it answers', async () => {
  answers.push(new Error('away'), new Error('away'))
  const box = outbox()
  box.put({ key: 'a' })
  await until(() => !box.reachable)
  await until(() => box.size === 0)
  assert.deepEqual(sent, [['a'], ['a'], ['a']])
  assert.ok(box.reachable)
})

test('a refused act leaves with its words and holds up none behind it', async () => {
  answers.push({ results: [{ saved: false, problem: 'Too late.' }] })
  const box = outbox(), refused = []
  box.refused = (act, problem) => refused.push([act.key, problem])
  box.put({ key: 'a' })
  box.put({ key: 'b' })
  await until(() => box.size === 0)
  assert.deepEqual(refused, [['a', 'Too late.']])
  assert.deepEqual(sent, [['a'], ['b']])
})

test('an act that alone cannot be read by the lab is refused, not sent for ever', async () => {
  answers.push(refusal(400, 'Unreadable.'))
  const box = outbox(), refused = []
  box.refused = (act, problem) => refused.push([act.key, problem])
  box.put({ key: 'a' })
  await until(() => box.size === 0)
  assert.deepEqual(refused, [['a', 'Unreadable.']])
})

test('a reload finds what was not sent, in its order, and nothing of another session', async () => {
  answers.push(promised().promise)
  const first = outbox()
  for (const key of ['a', 'b', 'c']) first.put({ key })
  localStorage.setItem('mmdnet:act:8:1', '{"key": "other"}')
  localStorage.setItem('mmdnet:act:7:damaged', '{')
  const second = outbox()
  assert.equal(second.size, 3)
  await second.flush()
  assert.deepEqual(sent.at(-1), ['a', 'b', 'c'])
  assert.equal(Outbox.elsewhere(7), 1)
  assert.equal(localStorage.getItem('mmdnet:act:7:damaged'), null)
})

test('what cannot be sent after a reload is said, so that nothing is asked of the lab before', async () => {
  localStorage.setItem('mmdnet:act:7:1', '{"key": "a"}')
  answers.push(new Error('away'))
  await assert.rejects(outbox().flush(), /does not answer/)
})

test('whoever watches an act hears its result, and nothing when the lab is away', async () => {
  answers.push(new Error('away'))
  const box = outbox(), heard = []
  box.watch('a', (result) => heard.push(result))
  box.put({ key: 'a' })
  await until(() => box.size === 0)
  assert.deepEqual(heard, [null, { key: 'a', saved: true }])
})
