// The component: one list lives per mounted component; a rerun of the page only updates it.

import { List } from './list.js'

const mounted = new WeakMap()

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  if (!mounted.has(parentElement)) mounted.set(parentElement, new List(parentElement))
  const list = mounted.get(parentElement)
  list.update(data, (slide) => setTriggerValue('open', slide))
  return () => { list.close(); mounted.delete(parentElement) }
}
