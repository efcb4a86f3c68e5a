// The tab's memory of who reads: written when somebody was chosen, forgotten when nobody is, told when the page asks.

import { remembered } from './remembered.js'

export default function ({ data, setTriggerValue }) {
  const kept = remembered(sessionStorage, data)
  if (kept) setTriggerValue('kept', kept)
}
