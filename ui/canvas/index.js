// The component: built once per place on the page; a rerun of the page only brings a fresh permission.

const MOUNTED = new WeakMap()

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  let canvas = MOUNTED.get(parentElement)
  if (canvas && canvas.session !== data.session) { canvas.close(); canvas = null }
  if (!canvas) {
    canvas = mount(parentElement.querySelector('.canvas'), data)
    MOUNTED.set(parentElement, canvas)
  }
  canvas.api.token = data.token
  canvas.api.renew = () => setTriggerValue('renew', Date.now())
  canvas.view.onfinished = () => setTriggerValue('finished', Date.now())
  canvas.show = (place) => setTriggerValue('place', place)
  canvas.begin()
  return () => { canvas.close(); MOUNTED.delete(parentElement) }
}

function mount(root, data) {
  const api = new Api(() => {})
  const view = new View(root, data)
  const keys = loadKeys()
  let reading = null
  const outbox = new Outbox(data.session, api, () => reading && view.saved(reading))
  const queue = new Queue(api)
  const pictures = new Pictures(api)
  const canvas = { session: data.session, api, view }

  reading = new Reading({
    api, outbox, queue, pictures, view, session: data.session, tasks: data.tasks.map((task) => task.name),
    done: 0, patches: 0, times: [],
  })
  outbox.refused = (act, problem) => reading.refused(act, problem)

  let begun = false
  canvas.begin = async () => {
    if (begun) return
    begun = true
    try {
      await outbox.flush()
      const progress = await api.get('/api/label/progress')
      Object.assign(reading, { done: progress.labelled, patches: progress.patches, times: progress.times_ms })
      await reading.start(progress.resume_at)
      root.focus({ preventScroll: true }) // whoever has just chosen a name or a session grades next
      const others = Outbox.elsewhere(data.session)
      if (others) reading.say(`${others} labels of another session wait in this browser; open it to send them.`)
    } catch (problem) {
      begun = false
      view.part.message.textContent = problem.status === 400 ? problem.message : 'The lab does not answer; trying again.'
      setTimeout(() => canvas.begin(), 1000)
    }
  }

  const down = (event) => {
    const name = meaning(event, keys)
    if (name === null || elsewhere(event)) return
    if (name === 'enter' && event.composedPath()[0] instanceof HTMLButtonElement) return
    event.preventDefault()
    if (event.repeat) return
    if (name === 'guide') root.classList.toggle('guiding')
    else if (name === 'context') context(true)
    else reading.key(name, event.timeStamp)
  }
  const up = (event) => { if (meaning(event, keys) === 'context') context(false) }
  const away = () => context(false)

  async function context(on) {
    reading.contextHeld = on
    if (!on) { if (reading.painted !== null && reading.contextShown) { view.repaint(); view.scale(reading.item.side_um) } reading.contextShown = false; return }
    if (reading.painted === null) return
    const { item } = reading
    const picture = await pictures.get(reading.patchPath(item, 3)).catch(() => null)
    if (!picture || !reading.contextHeld || reading.painted !== item.patch_id) return
    reading.contextShown = true
    view.showContext(reading, picture)
  }

  root.onclick = (event) => {
    const button = event.composedPath().find((el) => el instanceof HTMLButtonElement)
    if (!button) return
    const { task, grade, key } = button.dataset
    if (task) reading.click(task, grade === 'unknown' ? null : Number(grade), event.timeStamp)
    else if (key === 'guide') root.classList.toggle('guiding')
    else if (key === 'place') { if (reading.item) canvas.show({ slide: reading.item.slide_id, patch: reading.item.patch_id }) }
    else if (key) reading.key(key, event.timeStamp)
  }
  root.onpointerdown = (event) => { if (event.composedPath().some((el) => el instanceof HTMLButtonElement)) event.preventDefault() }
  for (const [name, press] of [['pointerdown', true], ['pointerup', false], ['pointerleave', false]]) {
    view.part.context.addEventListener(name, () => context(press))
  }
  for (const el of root.querySelectorAll('kbd[data-key]')) el.textContent = keyWords(keys[el.dataset.key])

  window.addEventListener('keydown', down)
  window.addEventListener('keyup', up)
  window.addEventListener('blur', away)
  const sized = new ResizeObserver(() => { if (!reading.contextShown) view.repaint() })
  sized.observe(view.part.stage)
  const heard = withoutConnectionNotice(() => root.focus({ preventScroll: true }))
  canvas.close = () => {
    heard()
    window.removeEventListener('keydown', down)
    window.removeEventListener('keyup', up)
    window.removeEventListener('blur', away)
    sized.disconnect()
  }
  return canvas
}
