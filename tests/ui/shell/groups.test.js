import assert from 'node:assert/strict'
import { test } from 'node:test'

import { nameGroups } from '../../../ui/shell/groups.js'

test('a place to drop files is a group as soon as it is drawn', () => {
  const place = { role: 'presentation', setAttribute(name, value) { this[name] = value } }
  let changed = null
  let there = []
  class MutationObserver {
    constructor(tell) { changed = tell }
    observe(page, what) { assert.deepEqual(what, { childList: true, subtree: true }) }
  }
  nameGroups({ document: { querySelectorAll: () => there }, MutationObserver })
  there = [place]
  changed()
  assert.equal(place.role, 'group')
})
