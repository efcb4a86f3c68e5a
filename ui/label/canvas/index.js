// The component: built once per place on the page; a rerun of the page only brings a fresh permission. The canvas hangs on
// its element: a lab that was updated and restarted under an open page brings this script anew, and must find the canvas of
// the old one and close it, or each key would be taken twice. Keys pressed meanwhile are kept for the patch on the screen.

import { Api } from './api.js'
import { Atlas } from './atlas.js'
import { partsOf, write } from './dom.js'
import { elsewhere, onControl, overConnectionNotice, withoutConnectionNotice } from './focus.js'
import { KeyDialog } from './key_dialog.js'
import { keyWords, meaning } from './keys.js'
import { Looks } from './looks.js'
import { Messages } from './messages.js'
import { Outbox } from './outbox.js'
import { Pictures } from './pictures.js'
import { Queue } from './queue.js'
import { Reading } from './reading.js'
import { Ruler } from './ruler.js'
import { Stage } from './stage.js'
import { View } from './view.js'

const THIS_SCRIPT = {}
const ORDER_EVERY_MS = 3000 // how often the lab is asked whether it has taken the order anew

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  let canvas = parentElement.labelCanvas
  let left = null
  if (canvas && (canvas.script !== THIS_SCRIPT || canvas.name !== nameOf(data))) {
    const closed = canvas.close()
    if (canvas.name === nameOf(data)) left = closed
    canvas = null
  }
  if (!canvas) {
    canvas = mount(parentElement.querySelector('.canvas'), data, left)
    parentElement.labelCanvas = canvas
  }
  const tell = (name, value) => canvas.messages.tell(name, () => setTriggerValue(name, value))
  if (!data.heard) tell('started', data.session) // also after the lab was restarted under an open page
  canvas.api.token = data.token
  canvas.api.base = data.base
  canvas.api.renew = () => tell('renew', Date.now())
  canvas.view.onfinished = () => { if (!data.finished) tell('finished', Date.now()) }
  canvas.place = (place) => setTriggerValue('place', place)
  canvas.begin(data.jump)
  return () => {
    canvas.close()
    if (parentElement.labelCanvas === canvas) delete parentElement.labelCanvas
  }
}

function nameOf(data) { return `${data.session} ${data.suggestions}` }

function mount(root, data, left) {
  const api = new Api(() => {})
  const pictures = new Pictures(api)
  const looks = new Looks()
  const stage = new Stage(partsOf(root), looks)
  const view = new View(root, data, stage, looks)
  const atlas = new Atlas(view.part, api, pictures, data.tasks)
  let reading = null
  const outbox = new Outbox(data.session, api, () => reading && view.saved(reading))
  const queue = new Queue(api, data.kept_places)
  const canvas = { script: THIS_SCRIPT, name: nameOf(data), api, view, messages: new Messages(root) }

  reading = new Reading({
    api, outbox, queue, pictures, view, stage, looks, atlas, session: data.session,
    tasks: data.tasks.map((task) => task.name), done: 0, patches: 0, times: [], left,
  })
  outbox.refused = (act, problem) => reading.refused(act, problem)
  const ruler = new Ruler(view.part, (words) => reading.say(words), () => reading.seen.add('ruler'))
  stage.onscale = (width_um) => ruler.scaled(width_um)
  const columns = ['.left', '.right'].map((name) => root.querySelector(name))
  view.onstep = (step) => {
    atlas.fit(root, ...columns)
    atlas.show(step)
  }

  const dialog = new KeyDialog(view.part, data, api, () => {
    for (const el of root.querySelectorAll('kbd[data-key]')) write(el, keyWords(dialog.keys[el.dataset.key]))
    root.focus({ preventScroll: true })
  })
  for (const el of root.querySelectorAll('kbd[data-key]')) write(el, keyWords(data.keys[el.dataset.key]))

  let begun = false
  canvas.begin = async (jump) => {
    const to = newJump(jump)
    if (begun) return to === null ? undefined : reading.start(to)
    begun = true
    try {
      await outbox.flush()
      const progress = await api.get('/api/label/progress')
      Object.assign(reading, { done: progress.labelled, patches: progress.patches, times: progress.times_ms })
      stage.resize()
      await reading.start(to ?? progress.resume_at)
      root.focus({ preventScroll: true }) // whoever has just chosen a name or a session grades next
      const others = Outbox.elsewhere(data.session)
      if (others) reading.say(`${others} labels of another session wait in this browser; open it to send them.`)
    } catch (problem) {
      begun = false
      stage.blank(problem.status === 400 ? problem.message : 'The lab does not answer; trying again.')
      canvas.again = setTimeout(() => canvas.begin(), 1000)
    }
  }

  const order = async () => {
    if (!begun || document.hidden) return
    const known = canvas.order
    canvas.order = await api.get('/api/label/order').then((told) => told.order, () => known)
    if (known !== undefined && known !== canvas.order) await reading.queue.renew(reading.at).catch(() => { canvas.order = known })
  }
  const looking = setInterval(order, ORDER_EVERY_MS)

  const acts = {
    guide: () => atlas.toggle(root, root.dataset.step),
    keys: () => dialog.show(),
    ruler: () => ruler.toggle(),
    place: () => { if (reading.item) canvas.place({ slide: reading.item.slide_id, patch: reading.item.patch_id }) },
  }

  const down = (event) => {
    if (dialog.open || (elsewhere(event) && !overConnectionNotice(event))) return
    if (event.key === 'Escape' && ruler.on) return ruler.off()
    if (ruler.on && ruler.arrow(event.key, event.shiftKey)) return event.preventDefault()
    if (atlas.turn(event.key)) return event.preventDefault()
    const name = meaning(event, dialog.keys)
    if (name === null) return
    if (['enter', 'accept'].includes(name) && onControl(event)) return
    event.preventDefault()
    if (event.repeat) return
    if (name === 'context') reading.around(true)
    else if (acts[name]) acts[name]()
    else reading.key(name, event.timeStamp)
  }
  const up = (event) => { if (meaning(event, dialog.keys) === 'context') reading.around(false) }
  const away = () => reading.around(false)

  root.onclick = (event) => {
    const button = event.composedPath().find((el) => el instanceof HTMLButtonElement)
    if (!button) return
    const { task, grade, key } = button.dataset
    if (task) reading.click(task, grade === 'unknown' ? null : Number(grade), event.timeStamp)
    else if (acts[key]) acts[key]()
    else if (key) reading.key(key, event.timeStamp)
  }
  root.onpointerdown = (event) => { if (event.composedPath().some((el) => el instanceof HTMLButtonElement)) event.preventDefault() }
  for (const [name, press] of [['pointerdown', true], ['pointerup', false], ['pointerleave', false], ['pointercancel', false]]) {
    view.part.context.addEventListener(name, () => reading.around(press))
  }
  view.part.context.oncontextmenu = (event) => event.preventDefault() // a long press on a tablet holds, and opens nothing

  window.addEventListener('keydown', down)
  window.addEventListener('keyup', up)
  window.addEventListener('blur', away)
  const sized = new ResizeObserver(() => {
    if (stage.resize()) reading.repaint()
    atlas.fit(root, ...columns)
  })
  sized.observe(view.part.stage)
  sized.observe(root)
  const fitted = fitBelow(root)
  const heard = withoutConnectionNotice(() => root.focus({ preventScroll: true }))
  canvas.close = () => {
    heard()
    canvas.messages.close()
    clearTimeout(canvas.again)
    clearInterval(looking)
    window.removeEventListener('keydown', down)
    window.removeEventListener('keyup', up)
    window.removeEventListener('blur', away)
    sized.disconnect()
    fitted()
    return reading.close()
  }
  return canvas
}

// The position a jump leads to, the first time it is heard of in this tab; else null.
function newJump(jump) {
  if (!jump || Number(sessionStorage.getItem('mmdnet:jumped')) >= jump.at) return null
  sessionStorage.setItem('mmdnet:jumped', String(jump.at))
  return jump.position
}

// Keep the canvas told how far below the window's top it begins: the patch takes what is left of the window's height.
function fitBelow(root) {
  const page = document.querySelector('[data-testid="stMain"]')
  const measure = () => {
    const above = root.getBoundingClientRect().top + (page?.scrollTop ?? 0)
    root.style.setProperty('--above', `${Math.max(0, Math.round(above))}px`)
  }
  const sized = new ResizeObserver(measure)
  const block = page?.querySelector('.stMainBlockContainer')
  if (block) sized.observe(block)
  window.addEventListener('resize', measure)
  measure()
  return () => {
    sized.disconnect()
    window.removeEventListener('resize', measure)
  }
}
