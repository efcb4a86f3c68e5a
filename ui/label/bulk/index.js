// The component: one canvas of many patches per place on the page; a rerun of the page only updates it.

import { Many } from './many.js'

const MOUNTED = new WeakMap()

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  let many = MOUNTED.get(parentElement)
  if (many && many.session !== data.session) { many.close(); many = null }
  if (!many) {
    many = new Many(parentElement.querySelector('.bulk'), data)
    MOUNTED.set(parentElement, many)
  }
  many.api.token = data.token
  many.api.base = data.base
  many.api.renew = () => many.messages.tell('renew', () => setTriggerValue('renew', Date.now()))
  many.shades(data)
  many.begin(data.stamp)
  return () => { many.close(); MOUNTED.delete(parentElement) }
}
