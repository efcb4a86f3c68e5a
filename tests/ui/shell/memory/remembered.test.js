import assert from 'node:assert/strict'
import { test } from 'node:test'

import { remember, tellReader } from '../../../../ui/shell/memory/remembered.js'

function storage() {
  const kept = new Map()
  return { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value), removeItem: (name) => kept.delete(name) }
}

// A window whose sockets keep what they were opened with.
function tab(sessionStorage = storage()) {
  class WebSocket { constructor(...given) { this.given = given } }
  const window = { sessionStorage, WebSocket }
  tellReader(window)
  return { sessionStorage, opened: (url, ...given) => new window.WebSocket(url, ...given).given, WebSocket, window }
}

const STREAM = 'ws://lab/base/_stcore/stream'

test('the name that was chosen is told by the next page of the tab, behind what Streamlit reads by place', () => {
  const { sessionStorage, opened, WebSocket, window } = tab()
  assert.deepEqual(opened(STREAM, ['streamlit', 'token']), [STREAM, ['streamlit', 'token']], 'nobody was chosen')
  remember(sessionStorage, 'Łucja “Ö” 王')
  const said = 'reader.xYF1Y2phIOKAnMOW4oCdIOeOiw'
  assert.deepEqual(opened(STREAM, ['streamlit', 'token']), [STREAM, ['streamlit', 'token', 'new', said]])
  assert.deepEqual(opened(STREAM, ['streamlit', 'token', 'session']), [STREAM, ['streamlit', 'token', 'session', said]])
  assert.ok(new window.WebSocket(STREAM, []) instanceof WebSocket)
})

test('another tab knows nobody, and whoever is taken out of the box is forgotten', () => {
  const { sessionStorage, opened } = tab()
  remember(sessionStorage, 'Ada')
  assert.equal(tab().opened(STREAM, ['streamlit', 'token'])[1].length, 2)
  remember(sessionStorage, null)
  assert.equal(opened(STREAM, ['streamlit', 'token'])[1].length, 2)
})

test('other sockets are opened as they were asked for', () => {
  const { sessionStorage, opened } = tab()
  remember(sessionStorage, 'Ada')
  assert.deepEqual(opened('ws://lab/other'), ['ws://lab/other', undefined])
  assert.deepEqual(opened('ws://lab/other', 'one'), ['ws://lab/other', 'one'])
})

test('a browser that keeps nothing is no failure', () => {
  const denied = () => { throw new Error('denied') }
  const none = { getItem: denied, setItem: denied, removeItem: denied }
  remember(none, 'Ada')
  assert.deepEqual(tab(none).opened(STREAM, ['streamlit', 'token']), [STREAM, ['streamlit', 'token']])
})
