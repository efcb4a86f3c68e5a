// Keeps what stands in a form until it is sent: one keeper lives per mounted component, and watches the fields.

import { Keeper } from './keeper.js'
import { shown } from './fields.js'

const EVENTS = ['input', 'change', 'click', 'keyup', 'focusout']
const AFTER_MS = 60 // a press has changed its field by then

const mounted = new WeakMap()

export default function ({ data, parentElement, setTriggerValue }) {
  if (!mounted.has(parentElement)) mounted.set(parentElement, watch(new Keeper(sessionStorage, shown)))
  const { keeper, close } = mounted.get(parentElement)
  keeper.update(data, (kept) => setTriggerValue('kept', kept))
  return () => { close(); mounted.delete(parentElement) }
}

function watch(keeper) {
  let waits = null
  const now = () => keeper.look()
  const soon = () => { clearTimeout(waits); waits = setTimeout(now, AFTER_MS) }
  for (const name of EVENTS) document.addEventListener(name, soon, true)
  addEventListener('pagehide', now)
  const close = () => {
    clearTimeout(waits)
    for (const name of EVENTS) document.removeEventListener(name, soon, true)
    removeEventListener('pagehide', now)
  }
  return { keeper, close }
}
