import assert from 'node:assert/strict'
import { test } from 'node:test'

import { announce, standing, turn } from '../../../../ui/shell/notify/notices.js'

function storage() {
  const kept = new Map()
  return { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value) }
}

// A browser window whose person answers the question for the right with `answer`.
function browser(answer = 'granted', { permission = 'default', secure = true } = {}) {
  const shown = []
  class Notification {
    static permission = permission
    static async requestPermission() { Notification.permission = answer }
    constructor(title, { body, tag }) { shown.push([tag, body]) }
  }
  return { isSecureContext: secure, Notification, localStorage: storage(), sessionStorage: storage(), shown }
}

test('jobs are told once, in a browser whose person asked for it', async () => {
  const view = browser()
  announce(view, [{ id: 'a', words: 'Training: done' }])
  assert.deepEqual(view.shown, [], 'nobody asked')
  assert.equal(await turn(view, true), 'on')
  announce(view, [{ id: 'a', words: 'Training: done' }, { id: 'b', words: 'Scoring: failed' }])
  announce(view, [{ id: 'b', words: 'Scoring: failed' }])
  assert.deepEqual(view.shown, [['b', 'Scoring: failed']], 'what ended before is not told late')
  assert.equal(await turn(view, false), 'off')
  announce(view, [{ id: 'c', words: 'Scoring: done' }])
  assert.equal(view.shown.length, 1)
})

test('who says no, and a page without TLS, is never asked to believe otherwise', async () => {
  const view = browser('denied')
  assert.equal(await turn(view, true), 'denied')
  assert.equal(standing(browser('granted', { secure: false })), 'insecure')
  assert.equal(standing({ isSecureContext: true, localStorage: storage() }), 'missing')
})

test('a browser that keeps nothing is no failure', async () => {
  const view = browser('granted', { permission: 'granted' })
  const none = () => { throw new Error('denied') }
  view.localStorage = view.sessionStorage = { getItem: none, setItem: none }
  assert.equal(await turn(view, true), 'off')
  announce(view, [{ id: 'a', words: 'Training: done' }])
  assert.deepEqual(view.shown, [])
})
