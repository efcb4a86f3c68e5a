// What the colours over a slide stand for: scales with their numbers, and keys of what has a colour of its own.

import { element } from './dom.js'
import { ticksOf } from './geometry.js'

// A straight scale from low to high in `unit`, in these colours.
export function scaleLegend({ unit, stops, ...scale }) {
  const box = element('div', 'legend')
  const ramp = element('span', 'ramp')
  ramp.style.backgroundImage = `linear-gradient(90deg, ${stops.join(',')})`
  const ticks = element('span', 'ticks')
  ticks.append(...ticksOf(scale).map(({ words, left, last }) => {
    const mark = element('i', last ? 'last' : '', words)
    mark.style.left = `${left}%`
    return mark
  }))
  box.append(element('span', 'unit', unit), ramp, ticks)
  return box
}

// What each colour is.
export function keyLegend(keys) {
  const box = element('div', 'keys')
  box.append(...keys.map(({ title, colour }) => {
    const key = element('span')
    const patch = element('i')
    patch.style.background = colour
    key.append(patch, title)
    return key
  }))
  return box
}
