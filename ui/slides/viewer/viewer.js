// The viewer: a slide at every magnification over our own tile route, what is laid over it, and what a hand does on it.

import { TOKEN_HEADER } from '../../shell/token.js'
import { guardWheel } from '../../shell/wheel.js'
import { button, checkbox } from './dom.js'
import { layerSpan, magnification, magnificationWords, scaleBar } from './geometry.js'
import { keyLegend, scaleLegend } from './legends.js'
import { loadLibrary } from './library.js'
import { Marks } from './marks.js'
import { Tools } from './tools.js'

const SCALE_HEADER = 'x-map-scale' // what a map's colours stand for, beside its picture
const GLIDE_S = 0.2 // the library's own 1.2 s would be longer than fetching what comes into view
const STEPS = [5, 10, 20, 40]
const HANDS = { move: 'Move', region: 'Rectangle', length: 'Length', area: 'Area' }

export class Viewer {
  constructor(root) {
    this.root = root
    this.find = (selector) => root.querySelector(selector)
    this.layers = new Map()
    this.scales = new Map()
    this.early = new Map() // answers by address, asked for before the library is there
    this.on = {}
    this.map = ''
    this.tools = new Tools(this, (kind, what) => this.hand(kind, what))
    this.find('.zoom').onclick = (event) => this.press(event.target.closest('button'))
    this.find('.opacity input').oninput = () => this.applyLayers()
    this.find('.switches').onchange = ({ target }) => { this.on[target.name] = target.checked; this.applyLayers(); this.drawMarks() }
    this.find('.zoom').onkeydown = (event) => this.key(event)
    const marks = this.find('.marks')
    marks.onpointerdown = (event) => {
      marks.setPointerCapture(event.pointerId)
      this.find('.osd').focus({ preventScroll: true }) // for the keys that follow
      this.tools.down(event)
    }
    marks.onmousedown = (event) => event.preventDefault() // else the keys go to the page
    marks.onpointermove = (event) => this.tools.move(event)
    marks.onpointerup = (event) => this.tools.up(event)
    marks.onpointercancel = () => this.tools.drop()
    marks.onwheel = (event) => this.wheel(event)
    this.unguard = guardWheel(this.find('.stage'), this.find('.hint'))
  }

  async update(data, tell) {
    if (JSON.stringify(data.drawn) !== JSON.stringify(this.data?.drawn)) this.sent = null // it is kept, or gone
    this.data = data
    this.tell = tell
    this.find('.stage').style.setProperty('--zoom-height', `${data.height_px}px`)
    if (this.opened !== data.name) this.askEarly()
    try {
      await loadLibrary(data.library)
    } catch {
      this.say('The viewer could not be loaded. Ask whoever runs this server to set the program up again.')
      return
    }
    if (this.opened !== data.name) {
      this.open()
    } else {
      this.osd.setAjaxHeaders(this.headers(), true) // the page has brought a younger token
      this.refresh()
    }
  }

  // The map that is shown at first is drawn by the lab while the browser loads the library.
  askEarly() {
    const first = this.data.layers.find(({ map, begins_shown: shown }) => map && shown)
    if (!first || this.early.has(first.url)) return
    const answer = fetch(first.url, { headers: this.headers() })
    answer.catch(() => {}) // whoever takes it hears of it
    this.early.set(first.url, answer)
  }

  headers() {
    return { [TOKEN_HEADER]: this.data.token }
  }

  open() {
    const data = this.data
    this.close()
    this.opened = data.name
    this.on = Object.fromEntries(data.switches.map(({ id, on }) => [id, on]))
    this.find('.opacity input').value = 100 * (data.layers[0]?.opacity ?? 1)
    const { width, height, tile_size, overlap, max_level } = data.info
    this.osd = window.OpenSeadragon({
      element: this.find('.osd'),
      prefixUrl: `${data.library}/images/`,
      tileSources: {
        width, height, tileSize: tile_size, tileOverlap: overlap, minLevel: 0, maxLevel: max_level,
        getTileUrl: (level, x, y) => `${data.tiles}/${level}/${x}_${y}.jpg`,
      },
      loadTilesWithAjax: true,
      ajaxHeaders: this.headers(),
      showNavigationControl: false,
      showNavigator: true,
      navigatorPosition: 'TOP_RIGHT',
      navigatorSizeRatio: 0.16,
      maxZoomPixelRatio: 4,
      visibilityRatio: 0.6,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      drawer: ['canvas'],
      crossOriginPolicy: false,
      timeout: 30000,
      animationTime: GLIDE_S,
    })
    this.followed = String(data.chosen ?? '')
    this.osd.addHandler('open', () => {
      this.refresh()
      if (data.focus) this.show(data.focus, true)
    })
    this.osd.addHandler('update-viewport', () => this.drawMarks())
    this.osd.addHandler('resize', () => this.drawMarks())
    this.osd.addHandler('animation-start', () => { this.gliding = true; this.sayWhole() })
    this.osd.addHandler('animation-finish', () => { this.gliding = false; this.sayWhole() })
    for (const end of ['canvas-release', 'canvas-scroll']) this.osd.addHandler(end, () => this.sayWhole())
    this.osd.world.addHandler('add-item', ({ item }) => {
      item.addHandler('fully-loaded-change', () => this.sayWhole())
      this.sayWhole()
    })
    this.osd.addHandler('tile-load-failed', () => this.say('Parts of the slide could not be read. Reload the page to try again.'))
    this.osd.addHandler('canvas-click', (event) => {
      if (!event.quick) return
      this.clicked = true
      const { x, y } = this.osd.world.getItemAt(0).viewerElementToImageCoordinates(event.position)
      this.tell('click', { x, y })
    })
  }

  // Notes on the stage when all that is in view, the layers too, was last whole and painted; nothing until it is.
  sayWhole() {
    const stage = this.find('.stage')
    const whole = () => {
      const items = [this.osd?.world.getItemAt(0), ...this.shown().map(({ id }) => this.layers.get(id))]
      return !this.gliding && items.every((item) => item?.getFullyLoaded?.())
    }
    if (!whole()) stage.dataset.whole = ''
    requestAnimationFrame(() => requestAnimationFrame(() => { if (whole()) stage.dataset.whole = performance.now() }))
  }

  refresh() {
    this.buildBar()
    this.applyLayers()
    this.drawMarks()
    this.follow()
  }

  // Go to a patch that was chosen elsewhere on the page; one that was clicked here is in view already.
  follow() {
    const chosen = String(this.data.chosen ?? '')
    if (chosen && chosen !== this.followed && !this.clicked) this.show(this.data.chosen, false)
    this.followed = chosen
    this.clicked = false
  }

  show([x, y, width, height], atOnce) {
    const image = this.osd.world.getItemAt(0)
    if (!image) return
    const around = image.imageToViewportRectangle(x - 2 * width, y - 2 * height, 5 * width, 5 * height)
    this.osd.viewport.fitBounds(around, atOnce)
  }

  // The maps, of which one is shown; all that is switched on by itself; the hands; the magnifications.
  buildBar() {
    const { layers, switches, tools, mpp } = this.data
    const now = JSON.stringify([layers.map(({ id }) => id), switches, tools, mpp])
    if (now === this.built) return
    this.built = now
    const maps = layers.filter(({ map }) => map)
    this.map = maps.find(({ begins_shown: shown }) => shown)?.id ?? ''
    const choices = maps.length ? [{ id: '', title: 'Slide only' }, ...maps] : []
    this.find('.layers').replaceChildren(...choices.map(({ id, title }) => button(title, { layer: id }, 'radio')))
    const alone = layers.filter(({ map }) => !map).map(({ id, title, begins_shown: on }) => ({ id, title, on }))
    this.on = { ...Object.fromEntries([...switches, ...alone].map(({ id, on }) => [id, on])), ...this.on }
    this.find('.switches').replaceChildren(...[...switches, ...alone].map(({ id, title }) => checkbox(title, id, this.on[id])))
    this.find('.hands').replaceChildren(...(tools.length ? ['move', ...tools] : []).map((hand) => button(HANDS[hand], { hand })))
    const steps = mpp ? STEPS.filter((times) => times < 2.1 * magnification(mpp[0])) : []
    this.find('.steps').replaceChildren(...steps.map((times) => button(`${times}×`, { times })))
    this.take(this.tools.kind)
    for (const item of this.layers.values()) this.osd.world.removeItem(item)
    this.layers.clear()
  }

  // The layers that are shown now.
  shown() {
    return this.data.layers.filter(({ id, map }) => (map ? id === this.map : this.on[id]))
  }

  applyLayers() {
    if (!this.osd) return
    const opacity = Number(this.find('.opacity input').value) / 100
    const shown = this.shown()
    for (const choice of this.root.querySelectorAll('.layers button')) {
      choice.setAttribute('aria-checked', String(choice.dataset.layer === this.map))
    }
    this.find('.opacity').hidden = shown.length === 0
    this.sayWhole()
    for (const [id, item] of this.layers) item.setOpacity(shown.some((layer) => layer.id === id) ? opacity : 0)
    for (const layer of shown.filter(({ id }) => !this.layers.has(id))) {
      this.layers.set(layer.id, { setOpacity() {} }) // a place holder, so that it is asked for once
      this.loadLayer(layer)
    }
    this.drawLegends(shown)
  }

  // Fetched by hand, because the library would ask for a single picture without our header.
  async loadLayer(layer) {
    const osd = this.osd
    try {
      const asked = this.early.get(layer.url) ?? fetch(layer.url, { headers: this.headers() })
      this.early.delete(layer.url)
      const answer = await asked
      if (!answer.ok) throw new Error(String(answer.status))
      const scale = answer.headers.get(SCALE_HEADER)
      if (scale) this.scales.set(layer.id, JSON.parse(scale))
      const url = URL.createObjectURL(await answer.blob())
      if (osd !== this.osd) return
      osd.addSimpleImage({
        url, x: 0, y: 0, ...layerSpan(this.data.info), opacity: 0, ajaxHeaders: {}, loadTilesWithAjax: false,
        success: ({ item }) => { this.layers.set(layer.id, item); this.applyLayers() },
      })
    } catch {
      this.layers.delete(layer.id)
      this.say('This layer could not be drawn. Reload the page to try again.')
    }
  }

  drawLegends(shown) {
    const { fat, reasons } = this.data
    const legends = shown.map(({ id, legend, stops }) => (legend ?? this.scales.get(id)) && { stops, ...(legend ?? this.scales.get(id)) })
    if (this.on.fat && fat) legends.push(fat.legend)
    const drawn = legends.filter(Boolean).map(scaleLegend)
    if (this.on.aside && reasons.length) drawn.push(keyLegend(reasons))
    this.find('.legends').replaceChildren(...drawn)
  }

  // For the tools: the slide's size and scale, and where on it something happened.
  get size() { return this.data.info }

  get mpp() { return this.data.mpp }

  scale() { return this.view().scale }

  pointAt({ clientX, clientY }) {
    const { left, top } = this.find('.marks').getBoundingClientRect()
    const { origin, scale } = this.view()
    return [(clientX - left - origin.x) / scale, (clientY - top - origin.y) / scale]
  }

  redraw() { this.drawMarks() }

  view() {
    const image = this.osd.world.getItemAt(0)
    const origin = image.imageToViewerElementCoordinates(new window.OpenSeadragon.Point(0, 0))
    const unit = image.imageToViewerElementCoordinates(new window.OpenSeadragon.Point(1000, 0))
    return { origin, scale: (unit.x - origin.x) / 1000 }
  }

  drawMarks() {
    if (!this.osd?.world.getItemAt(0)) return
    const canvas = this.find('.marks')
    const ratio = window.devicePixelRatio || 1
    const { clientWidth, clientHeight } = canvas
    if (canvas.width !== clientWidth * ratio) canvas.width = clientWidth * ratio
    if (canvas.height !== clientHeight * ratio) canvas.height = clientHeight * ratio
    const pen = canvas.getContext('2d')
    pen.setTransform(ratio, 0, 0, ratio, 0, 0)
    pen.clearRect(0, 0, clientWidth, clientHeight)
    const { origin, scale } = this.view()
    const place = ([x, y]) => [origin.x + x * scale, origin.y + y * scale]
    const marks = new Marks(pen, { place, scale, size: [clientWidth, clientHeight] })
    const { data } = this
    marks.patches(data, this.on)
    const region = this.tools.rectangle() ?? data.region
    if (region) marks.region(region)
    if (data.chosen) marks.chosen(data.chosen)
    if (this.on.drawn) for (const shape of data.drawn) marks.shape(shape)
    const draft = this.tools.draft() ?? this.sent
    if (draft) marks.shape(draft)
    this.drawScale(scale)
  }

  drawScale(scale) {
    const box = this.find('.scale')
    box.hidden = !this.data.mpp
    if (!this.data.mpp) return
    const umPerPixel = this.data.mpp[0] / scale
    const { px, words } = scaleBar(umPerPixel)
    this.find('.times').textContent = magnificationWords(magnification(umPerPixel))
    this.find('.scalebar').style.width = `${px}px`
    this.find('.scalebar span').textContent = words
  }

  // What the hand has done: a spot, a rectangle or a shape goes to the page.
  hand(kind, what) {
    if (kind === 'click') this.clicked = true
    if (kind === 'drawn') this.sent = what // it is seen until the page has it
    this.tell(kind, what)
    this.drawMarks()
  }

  take(hand) {
    this.tools.choose(hand)
    this.find('.stage').dataset.hand = hand
    for (const choice of this.root.querySelectorAll('.hands button')) {
      choice.setAttribute('aria-pressed', String(choice.dataset.hand === hand))
    }
  }

  // Enter takes the spot in the middle, with Shift the rectangle that is in view; Escape lets go of what is drawn.
  key(event) {
    if (event.key === 'Escape' && this.tools.kind !== 'move') {
      this.take('move')
      event.preventDefault()
    }
    if (event.key !== 'Enter' || event.target !== this.find('.osd') || !this.osd) return
    event.preventDefault()
    const { left, top, width, height } = this.find('.marks').getBoundingClientRect()
    const at = (x, y) => this.pointAt({ clientX: left + x * width, clientY: top + y * height })
    if (!event.shiftKey) {
      const [x, y] = at(0.5, 0.5)
      this.hand('click', { x, y })
    } else if (this.data.tools.includes('region')) {
      this.hand('region', this.tools.corners([at(0, 0), at(1, 1)]))
    }
  }

  wheel(event) {
    event.preventDefault()
    const { left, top } = this.find('.marks').getBoundingClientRect()
    const { Point } = window.OpenSeadragon
    const at = this.osd.viewport.pointFromPixel(new Point(event.clientX - left, event.clientY - top))
    this.osd.viewport.zoomBy(event.deltaY < 0 ? 1.2 : 1 / 1.2, at)
    this.osd.viewport.applyConstraints()
  }

  press(button) {
    if (!button || !this.osd) return
    if (button.dataset.layer !== undefined) { this.map = button.dataset.layer; this.applyLayers() }
    if (button.dataset.hand) this.take(button.dataset.hand)
    if (button.dataset.times) this.osd.viewport.zoomBy((Number(button.dataset.times) * this.mpp[0]) / (this.scale() * 10))
    if (button.dataset.do === 'in') this.osd.viewport.zoomBy(1.6)
    if (button.dataset.do === 'out') this.osd.viewport.zoomBy(1 / 1.6)
    if (button.dataset.do === 'home') this.osd.viewport.goHome()
    if (button.dataset.do === 'full') {
      if (this.root.fullscreenElement ?? document.fullscreenElement) document.exitFullscreen()
      else this.find('.zoom').requestFullscreen()
    }
    this.sayWhole()
  }

  say(sentence) {
    const box = this.find('.message')
    box.textContent = sentence
    box.hidden = false
  }

  end() {
    this.unguard()
    this.close()
  }

  close() {
    this.osd?.destroy()
    this.osd = null
    this.layers.clear()
    this.built = null
    this.find('.message').hidden = true
  }
}
