// Deep zoom over our own tile route, with patches, pictures and their colours over it.

import { layerSpan, scaleBar, ticksOf } from './geometry.js'
import { loadLibrary } from './library.js'

const TOKEN_HEADER = 'x-lab-token'
const STATES = { used: '#0f766e', aside: '#46494d', labelled: '#cf860f' }
const SMALLEST_PX = 3
const GLIDE_S = 0.2 // the library's own 1.2 s would be longer than fetching what comes into view

export class Viewer {
  constructor(root) {
    this.root = root
    this.find = (selector) => root.querySelector(selector)
    this.layers = new Map()
    this.shown = null
    this.find('.zoom').onclick = (event) => this.press(event.target.closest('button'))
    this.find('.opacity input').oninput = () => this.applyLayers()
    this.find('.grid input').onchange = () => this.drawMarks()
  }

  async update(data, click) {
    this.data = data
    this.click = click
    this.find('.stage').style.setProperty('--zoom-height', `${data.height_px}px`)
    this.find('.grid').hidden = data.patches.length === 0
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

  headers() {
    return { [TOKEN_HEADER]: this.data.token }
  }

  open() {
    const data = this.data
    this.close()
    this.opened = data.name
    this.find('.grid input').checked = data.show_patches
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
      const point = this.osd.world.getItemAt(0).viewerElementToImageCoordinates(event.position)
      this.click({ x: point.x, y: point.y })
    })
  }

  // Notes on the stage when all that is in view, the chosen layer too, was last whole and painted; nothing until it is.
  sayWhole() {
    const stage = this.find('.stage')
    const whole = () => {
      const items = [this.osd?.world.getItemAt(0), ...(this.shown ? [this.layers.get(this.shown)] : [])]
      return !this.gliding && items.every((item) => item?.getFullyLoaded?.())
    }
    if (!whole()) stage.dataset.whole = ''
    requestAnimationFrame(() => requestAnimationFrame(() => { if (whole()) stage.dataset.whole = performance.now() }))
  }

  refresh() {
    this.buildLayers()
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

  buildLayers() {
    const box = this.find('.layers')
    const names = this.data.layers.map((layer) => layer.id).join()
    if (box.dataset.names === names) return
    box.dataset.names = names
    const choices = this.data.layers.length ? [{ id: '', title: 'Slide only' }, ...this.data.layers] : []
    box.replaceChildren(...choices.map((layer) => {
      const button = document.createElement('button')
      button.type = 'button'
      button.role = 'radio'
      button.dataset.layer = layer.id
      button.textContent = layer.title
      return button
    }))
    for (const item of this.layers.values()) this.osd.world.removeItem(item)
    this.layers.clear()
    this.shown = this.data.layers.find((layer) => layer.begins_shown)?.id ?? ''
  }

  applyLayers() {
    if (!this.osd) return
    const opacity = Number(this.find('.opacity input').value) / 100
    const chosen = this.data.layers.find((layer) => layer.id === this.shown)
    for (const button of this.root.querySelectorAll('.layers button')) {
      button.setAttribute('aria-checked', String(button.dataset.layer === this.shown))
    }
    this.find('.opacity').hidden = !chosen
    this.sayWhole()
    for (const [id, item] of this.layers) item.setOpacity(id === this.shown ? opacity : 0)
    if (chosen && !this.layers.has(chosen.id)) {
      this.layers.set(chosen.id, { setOpacity() {} }) // a place holder, so that it is asked for once
      this.loadLayer(chosen)
    }
    this.drawLegend(chosen?.legend)
  }

  // Fetched by hand, because the library would ask for a single picture without our header.
  async loadLayer(layer) {
    const osd = this.osd
    try {
      const answer = await fetch(layer.url, { headers: this.headers() })
      if (!answer.ok) throw new Error(String(answer.status))
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

  drawLegend(legend) {
    const box = this.find('.legend')
    box.hidden = !legend
    if (!legend) return
    this.find('.unit').textContent = legend.unit
    this.find('.ramp').style.backgroundImage = `linear-gradient(90deg, ${legend.stops.join(',')})`
    this.find('.ticks').replaceChildren(...ticksOf(legend).map(({ words, left, last }) => {
      const mark = document.createElement('i')
      mark.textContent = words
      mark.style.left = `${left}%`
      if (last) mark.className = 'last'
      return mark
    }))
  }

  drawMarks() {
    const image = this.osd?.world.getItemAt(0)
    if (!image) return
    const canvas = this.find('.marks')
    const ratio = window.devicePixelRatio || 1
    const { clientWidth, clientHeight } = canvas
    if (canvas.width !== clientWidth * ratio) canvas.width = clientWidth * ratio
    if (canvas.height !== clientHeight * ratio) canvas.height = clientHeight * ratio
    const pen = canvas.getContext('2d')
    pen.setTransform(ratio, 0, 0, ratio, 0, 0)
    pen.clearRect(0, 0, clientWidth, clientHeight)
    const origin = image.imageToViewerElementCoordinates(new window.OpenSeadragon.Point(0, 0))
    const unit = image.imageToViewerElementCoordinates(new window.OpenSeadragon.Point(1000, 0))
    const scale = (unit.x - origin.x) / 1000
    const [width, height] = this.data.patch_px0.map((side) => side * scale)
    if (this.find('.grid input').checked && width >= SMALLEST_PX) {
      for (const [x, y, state] of this.data.patches) {
        const left = origin.x + x * scale
        const top = origin.y + y * scale
        if (left > clientWidth || top > clientHeight || left + width < 0 || top + height < 0) continue
        this.drawPatch(pen, left, top, width, height, state)
      }
    }
    if (this.data.chosen) this.drawChosen(pen, origin, scale)
    this.drawScale(scale)
  }

  drawPatch(pen, left, top, width, height, state) {
    pen.lineWidth = 1
    pen.strokeStyle = STATES[state] ?? STATES.used
    if (state === 'aside') {
      pen.fillStyle = 'rgb(70 73 77 / 35%)'
      pen.fillRect(left, top, width, height)
      pen.beginPath()
      pen.moveTo(left, top + height)
      pen.lineTo(left + width, top)
      pen.stroke()
      return
    }
    pen.strokeRect(left + 0.5, top + 0.5, width - 1, height - 1)
    if (state === 'labelled') {
      pen.fillStyle = STATES.labelled
      pen.beginPath()
      pen.arc(left + width / 2, top + height / 2, Math.max(2, Math.min(7, width / 8)), 0, 7)
      pen.fill()
    }
  }

  drawChosen(pen, origin, scale) {
    const [x, y, width, height] = this.data.chosen
    for (const [colour, line] of [['#fff', 7], ['#141618', 3.5]]) {
      pen.strokeStyle = colour
      pen.lineWidth = line
      pen.strokeRect(origin.x + x * scale, origin.y + y * scale, width * scale, height * scale)
    }
  }

  drawScale(scale) {
    const bar = this.find('.scalebar')
    bar.hidden = !this.data.mpp
    if (!this.data.mpp) return
    const { px, words } = scaleBar(this.data.mpp / scale)
    bar.style.width = `${px}px`
    bar.firstElementChild.textContent = words
  }

  press(button) {
    if (!button || !this.osd) return
    if (button.dataset.layer !== undefined) { this.shown = button.dataset.layer; this.applyLayers() }
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

  close() {
    this.osd?.destroy()
    this.osd = null
    this.layers.clear()
    this.find('.layers').dataset.names = '-'
    this.find('.message').hidden = true
  }
}
