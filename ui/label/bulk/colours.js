// Colours as numbers.

// "#rrggbb" as a little-endian number of RGBA bytes, opaque.
export function abgr(hex) {
  const value = parseInt(hex.slice(1), 16)
  return (0xff << 24) | ((value & 0xff) << 16) | (value & 0xff00) | (value >> 16)
}

const FAT_CUTS = [0.02, 0.1, 0.25]

// Which of the four shades of measured fat a share (0-1) gets.
export function fatStep(share) {
  let step = 0
  for (const cut of FAT_CUTS) if (share >= cut) step += 1
  return step
}

// How light a colour of the page is, 0-1.
export function luminance(colour) {
  const hex = /^#([0-9a-f]{6})/i.exec(colour)
  if (!hex) { const rgb = colour.match(/[\d.]+/g)?.map(Number) ?? [255, 255, 255]; return (0.3 * rgb[0] + 0.59 * rgb[1] + 0.11 * rgb[2]) / 255 }
  const value = parseInt(hex[1], 16)
  return (0.3 * (value >> 16) + 0.59 * ((value >> 8) & 255) + 0.11 * (value & 255)) / 255
}
