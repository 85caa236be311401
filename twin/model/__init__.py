"""Physics of corrosion: exposure, coatings, wall loss and rust over years, pits, zones and deposits."""
