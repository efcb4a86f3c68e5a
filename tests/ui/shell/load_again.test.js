import assert from 'node:assert/strict'
import test from 'node:test'

import { loadAgain } from '../../../ui/shell/load_again.js'

function opened() {
  const kept = new Map()
  const page = { loads: 0, at: 0 }
  loadAgain({
    addEventListener: (name, heard) => { if (name === 'error') page.fail = (message) => heard({ message }) },
    sessionStorage: { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value) },
    location: { reload: () => { page.loads += 1 } },
  }, () => page.at)
  return page
}

test('a page whose client failed is loaded anew, once a minute at most', () => {
  const page = opened()
  page.fail('Uncaught Error: Bad delta path index 2 (should be between [0, 1])')
  assert.equal(page.loads, 1)
  page.at = 59_000
  page.fail('Uncaught Error: Cannot set a node at a delta path')
  assert.equal(page.loads, 1)
  page.at = 61_000
  page.fail('Uncaught Error: Bad delta path index 2 (should be between [0, 1])')
  assert.equal(page.loads, 2)
})

test('another fault of a script leaves the page as it is', () => {
  const page = opened()
  page.fail('ResizeObserver loop completed with undelivered notifications.')
  page.fail(undefined)
  assert.equal(page.loads, 0)
})
