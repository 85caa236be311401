// The 3D view by three.js: shape, camera, section plane, markers, picking, screenshot. It draws only what changes.
View.Scene = class {
  constructor(canvas, onPick, say) {
    this.say = say;
    this.canvas = canvas;
    this.renderer = new THREE.WebGLRenderer({ canvas, antialias: true });
    this.renderer.localClippingEnabled = true;
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(35, 1, 0.01, 1000);
    this.camera.up.set(0, 0, 1);
    this.light = new THREE.DirectionalLight(0xffffff, 0.45);
    this.scene.add(new THREE.HemisphereLight(0xffffff, 0xb8bcc2, 0.68), this.light);
    this.plane = new THREE.Plane(new THREE.Vector3(-1, 0, 0), 0);
    this.fine = Math.min(window.devicePixelRatio || 1, 2);
    this.frames = [];
    this.shape();
    this.home(true);
    this.listen(onPick);
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
    this.resize();
  }

  shape() {
    const { geometry, fields } = View.data, [height, width] = fields.shape;
    const count = geometry.positions.length / 3, points = new Float32Array(3 * count), uvs = new Float32Array(2 * count);
    for (let i = 0; i < 3 * count; i++) points[i] = geometry.low[i % 3] + (geometry.positions[i] / 65535) * geometry.size[i % 3];
    for (let i = 0; i < 2 * count; i++) uvs[i] = geometry.uvs[i] / 65535;
    this.geometry = new THREE.BufferGeometry();
    this.geometry.setAttribute("position", new THREE.BufferAttribute(points, 3));
    this.geometry.setAttribute("uv", new THREE.BufferAttribute(uvs, 2));
    this.geometry.setIndex(new THREE.BufferAttribute(geometry.indices, 1));
    this.geometry.computeVertexNormals();
    this.geometry.computeBoundingBox();
    this.geometry.computeBoundingSphere();
    this.middle = this.geometry.boundingBox.getCenter(new THREE.Vector3());
    this.reach = this.geometry.boundingSphere.radius;
    this.pixels = new Uint8Array(4 * height * width);
    this.texture = new THREE.DataTexture(this.pixels, width, height);
    this.texture.magFilter = this.texture.minFilter = THREE.LinearFilter;
    // Colours that stand for data are drawn as the legend has them, without light; edges then show the shape.
    const face = { map: this.texture, polygonOffset: true, polygonOffsetFactor: 1, polygonOffsetUnits: 1 };
    this.looks = new THREE.MeshLambertMaterial(face);
    this.unlit = new THREE.MeshBasicMaterial(face);
    this.material = this.looks;
    this.line = new THREE.LineBasicMaterial({ color: 0x111111, transparent: true, opacity: 0.55 });
    this.mesh = new THREE.Mesh(this.geometry, this.material);
    this.scene.add(this.mesh);
    this.pins = new THREE.Group();
    this.spot = this.pin("", "#111111", 0.016);
    this.spot.visible = false;
    this.scene.add(this.pins, this.spot);
    this.cut();
  }

  // The cut metal: where more back faces than front faces lie before the plane, the plane itself is seen.
  cut() {
    const shared = { colorWrite: false, depthWrite: false, depthTest: false, stencilWrite: true,
      stencilFunc: THREE.AlwaysStencilFunc, clippingPlanes: [this.plane] };
    const counted = [[THREE.BackSide, THREE.IncrementWrapStencilOp], [THREE.FrontSide, THREE.DecrementWrapStencilOp]];
    this.cutMeshes = counted.map(([side, op]) => {
      const material = new THREE.MeshBasicMaterial({ ...shared, side, stencilFail: op, stencilZFail: op, stencilZPass: op });
      const mesh = new THREE.Mesh(this.geometry, material);
      mesh.renderOrder = 1;
      return mesh;
    });
    this.cap = new THREE.Mesh(new THREE.PlaneGeometry(4 * this.reach, 4 * this.reach), new THREE.MeshBasicMaterial({
      color: 0x8c9aa8, side: THREE.DoubleSide, stencilWrite: true, stencilRef: 0, stencilFunc: THREE.NotEqualStencilFunc,
      stencilFail: THREE.ReplaceStencilOp, stencilZFail: THREE.ReplaceStencilOp, stencilZPass: THREE.ReplaceStencilOp }));
    this.cap.renderOrder = 2;
    this.cutMeshes.push(this.cap);
    for (const mesh of this.cutMeshes) { mesh.visible = false; this.scene.add(mesh); }
  }

  section(axis, share, flipped) {
    const on = axis !== "none", index = { x: 0, y: 1, z: 2 }[axis] ?? 0, box = this.geometry.boundingBox;
    this.clipped = on;
    for (const material of [this.looks, this.unlit, this.line]) {
      material.clippingPlanes = on ? [this.plane] : null;
      if (material !== this.line) material.side = on ? THREE.DoubleSide : THREE.FrontSide;
      material.needsUpdate = true;
    }
    for (const mesh of this.cutMeshes) mesh.visible = on;
    if (on) {
      const low = box.min.getComponent(index), high = box.max.getComponent(index), way = flipped ? 1 : -1;
      const at = low + share * (high - low);
      this.plane.normal.set(0, 0, 0).setComponent(index, way);
      this.plane.constant = -way * at;
      this.cap.position.copy(this.middle).setComponent(index, at);
      this.cap.lookAt(this.cap.position.clone().add(this.plane.normal));
      this.sectionAt = at;
    }
    this.draw();
  }

  paint(state) {
    View.paint(this.pixels, state);
    const data = state.mode !== "looks";
    this.mesh.material = this.material = data ? this.unlit : this.looks;
    if (data && !this.edges) {
      this.edges = new THREE.LineSegments(new THREE.EdgesGeometry(this.geometry, 30), this.line);
      this.scene.add(this.edges);
    }
    if (this.edges) this.edges.visible = data;
    this.texture.needsUpdate = true;
    this.draw();
  }

  ground(colour) {
    this.scene.background = new THREE.Color(colour);
    this.draw();
  }

  // A round sign of constant size on the screen, with its name beside it.
  pin(name, colour, size = 0.022) {
    const canvas = document.createElement("canvas"), text = name.length > 18 ? `${name.slice(0, 17)}…` : name;
    canvas.width = name ? 512 : 64;
    canvas.height = 64;
    const pen = canvas.getContext("2d");
    pen.font = "bold 34px system-ui, sans-serif";
    const middle = canvas.width / 2;
    if (text) {
      const width = Math.min(pen.measureText(text).width, 200);
      pen.fillStyle = "rgba(255,255,255,.88)";
      pen.fillRect(middle + 30, 8, width + 16, 48);
      pen.fillStyle = "#111111";
      pen.fillText(text, middle + 38, 44, 200);
    }
    pen.beginPath();
    pen.arc(middle, 32, 22, 0, 7);
    pen.fillStyle = colour;
    pen.fill();
    pen.lineWidth = 6;
    pen.strokeStyle = "#ffffff";
    pen.stroke();
    const material = new THREE.SpriteMaterial({ map: new THREE.CanvasTexture(canvas), sizeAttenuation: false, depthWrite: false });
    const sprite = new THREE.Sprite(material);
    sprite.renderOrder = 3;
    sprite.scale.set((size * canvas.width) / 64, size, 1);
    return sprite;
  }

  mark(markers) {
    const colours = { ultrasonic: "#0072b2", pit: "#cc79a7", photo: "#e69f00", grade: "#009e73" };
    this.pins.clear();
    markers.forEach((marker, number) => {
      if (!marker.position) return;
      const pin = this.pin(marker.name, colours[marker.kind]);
      this.place(pin, marker.position, marker.normal);
      pin.userData.number = number;
      this.pins.add(pin);
    });
  }

  place(pin, position, normal) {
    pin.userData.at = new THREE.Vector3().fromArray(position);
    pin.position.copy(pin.userData.at);
    pin.userData.normal = new THREE.Vector3().fromArray(normal || [0, 0, 0]);
    pin.visible = true;
    this.draw();
  }

  // Camera: around a target, by two angles and a distance.
  home(now = false) {
    this.fly({ target: this.middle.clone(), azimuth: -0.9, polar: 1.15, distance: this.fitting(this.reach) }, now);
    this.whole = true;
  }

  // The distance from which a ball of some radius just fits into the narrower angle of view.
  fitting(radius) {
    const half = (this.camera.fov * Math.PI) / 360;
    return (1.03 * radius) / Math.sin(Math.min(half, Math.atan(Math.tan(half) * this.camera.aspect)));
  }

  fly(to, now = false) {
    this.flight = (this.flight ?? 0) + 1;
    this.whole = false;
    const from = this.eye, flight = this.flight, start = performance.now(), still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (now || still || !from) { this.eye = to; return this.draw(); }
    const step = (time) => {
      if (flight !== this.flight) return;
      const x = Math.min((time - start) / 600, 1), s = x * x * (3 - 2 * x), mix = (a, b) => a + s * (b - a);
      this.eye = { target: from.target.clone().lerp(to.target, s), azimuth: mix(from.azimuth, to.azimuth),
        polar: mix(from.polar, to.polar), distance: mix(from.distance, to.distance) };
      this.draw();
      if (x < 1) requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  }

  // Look at a place from outside, as close as a part of some size asks for.
  look(position, normal, size) {
    const target = new THREE.Vector3().fromArray(position), azimuth = this.eye.azimuth;
    const to = { target, azimuth, polar: this.eye.polar, distance: Math.max(0.95 * this.fitting(size), 0.25 * this.reach) };
    if (normal) {
      const flat = Math.hypot(normal[0], normal[1]);
      to.azimuth = flat > 0.2 ? Math.atan2(normal[1], normal[0]) + 0.35 : azimuth;
      to.azimuth += 2 * Math.PI * Math.round((azimuth - to.azimuth) / (2 * Math.PI));
      to.polar = Math.min(Math.max(Math.acos(Math.max(-1, Math.min(1, normal[2]))), 0.35), 2.6);
    }
    this.fly(to);
    return to;
  }

  turn(dx, dy) {
    this.flight++;
    this.eye.azimuth -= dx;
    this.eye.polar = Math.min(Math.max(this.eye.polar - dy, 0.02), Math.PI - 0.02);
    this.draw();
  }

  zoom(factor) {
    this.flight++;
    this.whole = false;
    this.eye.distance = Math.min(Math.max(this.eye.distance * factor, 0.05 * this.reach), 20 * this.reach);
    this.draw();
  }

  pan(dx, dy) {
    this.flight++;
    this.whole = false;
    const per = (2 * Math.tan((this.camera.fov * Math.PI) / 360) * this.eye.distance) / this.canvas.clientHeight;
    const [right, up] = [0, 1].map((column) => new THREE.Vector3().setFromMatrixColumn(this.camera.matrixWorld, column));
    this.eye.target.addScaledVector(right, -dx * per).addScaledVector(up, dy * per);
    this.draw();
  }

  listen(onPick) {
    const held = new Map(), canvas = this.canvas;
    let moved = 0, gap = 0;
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      if (!held.size) moved = 0;
      held.set(event.pointerId, event);
      gap = 0;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = held.get(event.pointerId);
      if (!before) return;
      const dx = event.clientX - before.clientX, dy = event.clientY - before.clientY;
      moved += Math.abs(dx) + Math.abs(dy);
      held.set(event.pointerId, event);
      if (held.size > 1) {
        const [a, b] = [...held.values()], now = Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
        if (gap) this.zoom(gap / now);
        gap = now;
        this.pan(dx / 2, dy / 2);
      } else if (before.buttons & 6 || event.shiftKey) this.pan(dx, dy);
      else if (moved > 4) this.turn(dx * 0.008, dy * 0.008);
      this.moving = true;
    });
    const release = (event) => {
      const picked = held.size === 1 && moved <= 4 && event.type === "pointerup" && event.button === 0;
      held.delete(event.pointerId);
      this.moving = false;
      this.draw();
      if (picked) onPick(this.pick(event.offsetX, event.offsetY));
    };
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("wheel", (event) => {
      if (document.activeElement !== canvas && !event.ctrlKey) return;
      event.preventDefault();
      this.zoom(Math.exp(Math.sign(event.deltaY) * 0.12));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const step = event.shiftKey ? 30 : 0, keys = {
        ArrowLeft: () => (step ? this.pan(step, 0) : this.turn(-0.1, 0)),
        ArrowRight: () => (step ? this.pan(-step, 0) : this.turn(0.1, 0)),
        ArrowUp: () => (step ? this.pan(0, step) : this.turn(0, -0.1)),
        ArrowDown: () => (step ? this.pan(0, -step) : this.turn(0, 0.1)),
        "+": () => this.zoom(0.85), "=": () => this.zoom(0.85), "-": () => this.zoom(1 / 0.85), Home: () => this.home(),
        // A key that turned the view just before may not have been drawn yet.
        Enter: () => { this.aim(); onPick(this.pick(canvas.clientWidth / 2, canvas.clientHeight / 2)); },
      };
      if (!keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
      if (event.key !== "Enter") this.say(this.told());
    });
  }

  // Draw the outline of a zone through all steel before it; -1 for none.
  outline(zone) {
    this.outlines ??= new Map();
    for (const lines of this.outlines.values()) lines.visible = false;
    if (zone >= 0 && !this.outlines.has(zone)) {
      const { indices, uvs } = View.data.geometry, [height, width] = View.data.fields.shape, { stands, zones } = View.data.places;
      const own = [], part = new THREE.BufferGeometry(), mean = (k, c) => (uvs[2 * indices[k] + c] + uvs[2 * indices[k + 1] + c] + uvs[2 * indices[k + 2] + c]) / 3 / 65535;
      for (let k = 0; k < indices.length; k += 3) {
        const [column, row] = [mean(k, 0) * width, mean(k, 1) * height].map(Math.floor), place = stands[Math.min(row, height - 1) * width + Math.min(column, width - 1)];
        if (place !== 65535 && zones[place] === zone) own.push(indices[k], indices[k + 1], indices[k + 2]);
      }
      part.setAttribute("position", this.geometry.getAttribute("position"));
      part.setIndex(own);
      const material = new THREE.LineBasicMaterial({ color: 0x0a84ff, depthTest: false });
      const lines = new THREE.LineSegments(new THREE.EdgesGeometry(part, 40), material);
      lines.renderOrder = 2.5;
      this.outlines.set(zone, lines);
      this.scene.add(lines);
    }
    if (zone >= 0) this.outlines.get(zone).visible = true;
    this.draw();
  }

  // From where the model is seen, in words.
  told() {
    const { azimuth, polar, distance } = this.eye, degrees = (angle) => Math.round((angle * 180) / Math.PI);
    const above = 90 - degrees(polar), around = ((degrees(azimuth) % 360) + 360) % 360;
    return `seen from ${around} degrees around from the x axis, ${Math.abs(above)} degrees ${above < 0 ? "below" : "above"}, ${distance.toFixed(2)} m away`;
  }

  // Whether other steel stands between the eye of a view and a place, m.
  hidden(position, eye) {
    const flat = Math.sin(eye.polar) * eye.distance, to = new THREE.Vector3().fromArray(position);
    const from = eye.target.clone().add(new THREE.Vector3(flat * Math.cos(eye.azimuth), flat * Math.sin(eye.azimuth), eye.distance * Math.cos(eye.polar)));
    const length = to.distanceTo(from), ray = new THREE.Raycaster(from, to.clone().sub(from).normalize(), 0, length - 0.005 * this.reach);
    return ray.intersectObject(this.mesh, false).some((hit) => !this.clipped || this.plane.distanceToPoint(hit.point) >= 0);
  }

  // The marker or the place under a pixel: {marker} or {texel, position, normal}; null for none.
  pick(x, y) {
    const ray = new THREE.Raycaster();
    this.camera.updateMatrixWorld();
    ray.setFromCamera({ x: (2 * x) / this.canvas.clientWidth - 1, y: 1 - (2 * y) / this.canvas.clientHeight }, this.camera);
    const kept = (hit) => !this.clipped || this.plane.distanceToPoint(hit.point) >= 0;
    const hit = ray.intersectObject(this.mesh, false).find(kept);
    const pin = this.pins.visible && ray.intersectObjects(this.pins.children, false)
      .find((found) => found.object.material.visible && (!hit || found.distance <= hit.distance) && Math.abs(found.uv.x - 0.5) < 0.06);
    if (pin) return { marker: pin.object.userData.number };
    if (!hit) return null;
    const [height, width] = View.data.fields.shape;
    const column = Math.min(Math.floor(hit.uv.x * width), width - 1), row = Math.min(Math.floor(hit.uv.y * height), height - 1);
    return { texel: row * width + column, position: hit.point.toArray(), normal: hit.face.normal.toArray() };
  }

  resize() {
    const box = this.canvas.parentElement.getBoundingClientRect();
    if (!box.width || !box.height) return;
    this.size = [box.width, box.height];
    this.camera.aspect = box.width / box.height;
    this.camera.updateProjectionMatrix();
    if (this.whole) { this.flight++; this.eye = { ...this.eye, target: this.middle.clone(), distance: this.fitting(this.reach) }; }
    this.draw();
  }

  draw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => { this.waiting = false; this.render(); });
  }

  // While a slow machine turns the view, it draws fewer pixels.
  render() {
    if (!this.size) return;
    const start = performance.now(), ratio = this.moving && this.slow ? 0.5 * this.fine : this.fine;
    if (this.renderer.getPixelRatio() !== ratio || this.sized !== this.size) {
      this.renderer.setPixelRatio(ratio);
      this.renderer.setSize(this.size[0], this.size[1], false);
      this.sized = this.size;
    }
    this.aim();
    this.light.position.copy(this.camera.position);
    this.light.target.position.copy(this.eye.target);
    this.light.target.updateMatrixWorld();
    this.renderer.render(this.scene, this.camera);
    if (this.moving && this.last && start - this.last < 2000) this.slow = start - this.last > 60;
    this.last = start;
  }

  // Put the camera, and the signs that face it, where the eye is.
  aim() {
    const { target, azimuth, polar, distance } = this.eye, flat = Math.sin(polar) * distance;
    this.camera.position.set(target.x + flat * Math.cos(azimuth), target.y + flat * Math.sin(azimuth), target.z + distance * Math.cos(polar));
    this.camera.lookAt(target);
    this.camera.near = Math.max(distance - 6 * this.reach, 0.004 * this.reach);
    this.camera.far = distance + 6 * this.reach;
    this.camera.updateProjectionMatrix();
    for (const pin of [...this.pins.children, this.spot]) this.face(pin);
  }

  // A sign on a face that looks away, that is cut off, or that other steel hides, is not drawn.
  face(pin) {
    const { normal } = pin.userData;
    if (!normal) return;
    const at = (pin.userData.at ??= pin.position.clone()), towards = this.camera.position.clone().sub(at);
    pin.material.visible = (normal.lengthSq() === 0 || normal.dot(towards) > 0) && (!this.clipped || this.plane.distanceToPoint(at) >= -1e-3 * this.reach);
    // Nearer to the eye on the same line of sight, so that the face it lies on does not cut it and other steel hides it.
    pin.position.copy(at).addScaledVector(towards.normalize(), Math.min(0.25 * this.reach, 0.5 * this.eye.distance));
  }

  screenshot() {
    this.moving = false;
    this.render();
    return new Promise((done) => this.canvas.toBlob(done, "image/png"));
  }
};
