import assert from 'node:assert/strict'
import { test } from 'node:test'

import { keepAsking } from '../../../../ui/label/bulk/retry.js'
import { refusal } from '../../fakes.js'

function asking(...answers) {
  const waits = []
  const told = { asked: 0, again: 0, waits }
  const ask = async () => {
    told.asked += 1
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    if (answer instanceof Error) throw answer
    return answer
  }
  const done = keepAsking(ask, () => { told.again += 1 }, async (ms) => { waits.push(ms) })
  return { told, done }
}

test('a lab that is away is asked again, each time after a longer wait, until it answers', async () => {
  const { told, done } = asking(new Error('away'), refusal(500), refusal(401), 'given')
  assert.equal(await done, 'given')
  assert.deepEqual(told, { asked: 4, again: 3, waits: [300, 600, 1200] })
})

test('a refusal is not asked again', async () => {
  for (const status of [400, 403]) {
    const { told, done } = asking(refusal(status, 'No.'))
    await assert.rejects(done, { message: 'No.' })
    assert.equal(told.asked, 1)
  }
})

test('it gives up in the end, and never waits longer than four seconds', async () => {
  const { told, done } = asking(new Error('away'))
  await assert.rejects(done, { message: 'away' })
  assert.equal(told.asked, 22)
  assert.equal(Math.max(...told.waits), 4000)
})
