import assert from 'node:assert/strict'
import { test } from 'node:test'

import { oneStepAPress } from '../../../ui/shell/history.js'

// A window whose history is a list of addresses, and what presses a key or a button in it.
function opened(address) {
  const heard = {}, entries = [address]
  const history = {
    pushState: (_state, _title, url) => { entries.push(url) },
    replaceState: (_state, _title, url) => { entries[entries.length - 1] = url },
  }
  const location = { get href() { return `http://lab${entries.at(-1)}` } }
  const window = { history, location, addEventListener: (name, tell) => { heard[name] = tell } }
  oneStepAPress(window)
  const write = (...urls) => urls.forEach((url) => history.pushState({}, '', url))
  return { entries, write, press: (name) => heard[name]() }
}

test('what a page writes into its own address on opening is no step', () => {
  const { entries, write } = opened('/')
  write('/?project=1', '/?project=1&slide=2')
  assert.deepEqual(entries, ['/?project=1&slide=2'])
})

test('a link, the places of its page and whatever is corrected later are one step; the next press is another', () => {
  const { entries, write, press } = opened('/?project=1')
  press('pointerdown')
  press('click')
  write('/label', '/label?project=1', '/label?project=1&session=4')
  press('keydown')
  write('/slides?project=1')
  write('/slides?project=1&slide=2')
  assert.deepEqual(entries, ['/?project=1', '/label?project=1&session=4', '/slides?project=1&slide=2'])
})

test('a session that the label page begins, a look at the slide and the same address again are no steps', () => {
  const { entries, write, press } = opened('/?project=1')
  press('click')
  write('/label?project=1')
  press('click')
  write('/label?project=1&session=4') // the first session is begun
  press('keydown')
  write('/label?project=1&session=4', '/label?project=1&session=4&slide=2&patch=9', '/label?project=1&session=4')
  assert.deepEqual(entries, ['/?project=1', '/label?project=1&session=4'])
  write('/label?project=1&session=5') // another session is another view
  press('click')
  write('/slides?project=1', '/slides?project=1&slide=2')
  assert.equal(entries.length, 4)
})

test('what a page corrects after going back is no step', () => {
  const { entries, write, press } = opened('/?project=1')
  press('keydown')
  press('popstate')
  write('/?project=2')
  assert.deepEqual(entries, ['/?project=2'])
})
