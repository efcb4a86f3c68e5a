// The component: one viewer lives per mounted component; a rerun of the page only updates it.

import { Viewer } from './viewer.js'

const mounted = new WeakMap()

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  if (!mounted.has(parentElement)) mounted.set(parentElement, new Viewer(parentElement))
  const viewer = mounted.get(parentElement)
  viewer.update(data, (kind, what) => setTriggerValue(kind, what))
  return () => { viewer.end(); mounted.delete(parentElement) }
}
