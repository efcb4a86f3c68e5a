import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Atlas, missingWords } from '../../../../ui/label/canvas/atlas.js'

test('exemplars that are missing are counted in words', () => {
  assert.equal(missingWords({ patches: [1], missing: 2 }), '2 more needed')
  assert.equal(missingWords({ patches: [], missing: 3 }), 'No exemplar yet: 3 agreed patches of this grade are needed.')
})

test('only while it is open do its keys turn it', () => {
  const turned = []
  const atlas = new Atlas({ atlas: { clientHeight: 500, scrollBy: ({ top }) => turned.push(top) } }, {}, {}, [])
  assert.equal(atlas.turn('PageDown'), false)
  atlas.open = true
  assert.ok(atlas.turn('PageDown') && atlas.turn('PageUp'))
  assert.deepEqual(turned, [400, -400])
  assert.equal(atlas.turn('a'), false)
})
