// The live widget: a camera, a video or a recorded clip goes in, words come out. For anywidget; see
// signbook.app.live. Who sees what: with the engine `browser` pictures stay in this page and landmarks go
// to the kernel; with the engine `kernel` pictures go there, one at a time. Nothing begins before Start is
// pressed.
import {drawSkeleton, doubled} from './skeleton.js';
import {createTracker, eachPicture, openCamera} from './tracker.js';

const SECONDS = 12; // that the tracks show
const BATCH = 100; // milliseconds between two messages with landmarks
const IN_FLIGHT = 2; // messages that wait for an answer
const WAITING = 300; // frames that wait to be sent; of more the oldest are dropped
const SILENT = 6000; // milliseconds after which a kernel that does not answer is called silent
const KEPT = 30; // final words on the page

const TEXT = {
  ready: 'Ready. Press Start, or the space bar.',
  loading: 'Loading the tracker…',
  asking: 'Your browser asks whether the camera may be used.',
  running: 'Watching.',
  'no-hands': 'No hands in the picture. Step back until both hands have room, and turn on a light.',
  nobody: 'Nobody in the picture.',
  background: 'Paused: this tab is in the background.',
  'kernel-silent': 'The kernel does not answer. It may be busy with a cell, or gone.',
  'no-camera': 'No camera was found. Plug one in and press Start, or play a clip: Live(run, source=clip).',
  'no-permission': 'The camera may not be used. Allow it beside the address of this page, then press Start.',
  'camera-busy': 'The camera is used by another program. Close that, then press Start.',
  'no-model': 'There are no model files for the tracker.',
  'engine-failed': 'The tracker does not run in this browser.',
  'source-failed': 'This video cannot be played by the browser.',
  stopped: 'Stopped. Nothing was kept that you did not record.',
  done: 'The recording has ended.',
};
const FAILED = new Set([
  'no-camera',
  'no-permission',
  'camera-busy',
  'no-model',
  'engine-failed',
  'source-failed',
]);

function el(tag, attributes = {}, ...children) {
  const e = document.createElement(tag);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  e.append(...children); // strings become text, never markup
  return e;
}

function consent(config, engine) {
  const kind = config.plays.kind;
  const what = {camera: 'your camera', video: 'a video file', clip: 'a recorded clip'}[kind];
  const road =
    kind === 'clip'
      ? 'Its landmarks are in the notebook’s kernel, which finds the words. No camera is used.'
      : engine === 'browser'
        ? 'Pictures are looked at in this page and do not leave it. Only landmarks (543 points of body, ' +
          'face and hands a picture) go to the notebook’s kernel, which finds the words.'
        : 'Pictures go to the notebook’s kernel, which finds landmarks in them and words in those. It keeps no picture.';
  const rest = 'Nothing is stored unless you press Record, and then only landmarks, in the kernel’s memory.';
  return [`Start uses ${what}.`, road, rest];
}

function build(config) {
  const video = el('video', {muted: '', playsinline: '', 'aria-hidden': 'true'});
  const canvas = el('canvas', {role: 'img', 'aria-label': 'The picture with the skeleton drawn over it'});
  const told = el('div', {class: 'sb-told'}),
    other = el('button', {class: 'sb-other', hidden: ''});
  const card = el('div', {class: 'sb-card'}, told, other);
  const stage = el('div', {class: 'sb-stage'}, video, canvas, card);
  const start = el('button', {class: 'sb-start', title: 'Start or stop (space)'}, 'Start');
  const pressed = {title: 'Record landmarks (R)', 'aria-pressed': 'false', disabled: ''};
  const record = el('button', {class: 'sb-record', ...pressed}, 'Record');
  const word = el('input', {
    class: 'sb-word',
    placeholder: 'a new word',
    'aria-label': 'Word to teach',
    maxlength: '60',
  });
  const teach = el(
    'button',
    {class: 'sb-teach', title: 'Record once and learn this word', disabled: ''},
    'Teach',
  );
  const engine = el(
    'select',
    {class: 'sb-engine', 'aria-label': 'Where pictures are looked at'},
    el('option', {value: 'browser'}, 'in this browser'),
    el('option', {value: 'kernel'}, 'in the kernel'),
  );
  const numbers = el('output', {class: 'sb-numbers', 'aria-label': 'Speed'});
  const teaching = config.teaches ? [el('span', {class: 'sb-teaching'}, word, teach)] : [];
  const choice = config.plays.kind === 'clip' ? [] : [engine];
  const bar = el('div', {class: 'sb-bar'}, start, record, ...teaching, ...choice, numbers);
  const tracks = el('canvas', {
    class: 'sb-tracks',
    role: 'img',
    'aria-label': 'When hands were up, and what was signed',
  });
  const words = el('div', {class: 'sb-words', 'aria-label': 'Words'});
  const status = el('div', {class: 'sb-status', role: 'status', 'aria-live': 'polite'});
  const said = el('div', {class: 'sb-said', 'aria-live': 'polite'});
  const about = {role: 'group', tabindex: '0', 'aria-label': 'Live sign recognition'};
  const root = el(
    'div',
    {class: 'sb-live', 'data-lm-suppress-shortcuts': 'true', ...about},
    stage,
    bar,
    words,
    tracks,
    status,
    said,
  );
  return {
    root,
    video,
    canvas,
    card,
    told,
    other,
    start,
    record,
    word,
    teach,
    engine,
    numbers,
    tracks,
    words,
    status,
    said,
  };
}

// Files in parts, asked for one by one, so that neither side holds more than one on the way.
function courier(model) {
  const waiting = new Map();
  const got = (message, buffers) => {
    const key = `${message.name} ${message.part}`,
      w = waiting.get(key);
    waiting.delete(key);
    if (w) w(message.failed ? {...message, bytes: null} : {...message, bytes: buffers[0]});
  };
  const part = (name, number) =>
    new Promise(resolve => {
      waiting.set(`${name} ${number}`, resolve);
      model.send({kind: 'file', name, part: number});
    });
  async function fetchAll(name, progress = () => {}) {
    const chunks = [];
    for (let k = 0, parts = 1; k < parts; k++) {
      const piece = await part(name, k);
      if (!piece.bytes) throw new Error(piece.failed);
      parts = piece.parts;
      chunks.push(new Uint8Array(piece.bytes.buffer, piece.bytes.byteOffset, piece.bytes.byteLength).slice());
      progress((k + 1) / parts);
    }
    return new Blob(chunks);
  }
  return {got, fetchAll};
}

// A file from its public server, which must serve these very bytes; null where it cannot be had.
async function published({url, integrity}) {
  try {
    const answer = await fetch(url, {integrity, mode: 'cors'});
    return answer.ok ? await answer.blob() : null;
  } catch (e) {
    return null;
  }
}

// The tracker's files: through the kernel where its cache has them, else from a public server, else
// whatever the kernel can do: it may reach npm or PyPI.
async function openTracker(config, courier, tell) {
  const blobs = {};
  for (const file of config.files) {
    const show = share => tell(`Loading the tracker: ${file.name} ${Math.round(100 * share)} %`);
    show(0);
    try {
      const found = file.cached ? null : await published(file);
      blobs[file.name] = found || (await courier.fetchAll(file.name, show));
    } catch (e) {
      const way = 'Run signbook models --browser where the kernel runs.';
      throw Object.assign(new Error(`${file.name} cannot be had. ${way} (${e.message})`), {
        state: 'no-model',
      });
    }
  }
  tell('Starting the tracker…');
  const kinds = {mjs: 'text/javascript', js: 'text/javascript', wasm: 'application/wasm'};
  const url = name => URL.createObjectURL(new Blob([blobs[name]], {type: kinds[name.split('.').pop()]}));
  const model = new Uint8Array(await blobs['holistic.task'].arrayBuffer());
  try {
    return await createTracker({
      visionUrl: url('vision_bundle.mjs'),
      modelUrl: model,
      wasmUrl: {loader: url('vision_wasm_internal.js'), binary: url('vision_wasm_internal.wasm')},
    });
  } catch (e) {
    throw Object.assign(new Error(e.message), {state: 'engine-failed'});
  }
}

// Hands that are up: seen, and not hanging below the elbow by more than a bit of the shoulders' width.
function handsUp(config, xyz, conf, aspect) {
  const {left, right, shoulders} = config.arms;
  const y = j => xyz[3 * j + 1],
    seen = j => j >= 0 && conf[j] > 0;
  const [a, b] = shoulders;
  const width = seen(a) && seen(b) ? Math.hypot(aspect * (xyz[3 * a] - xyz[3 * b]), y(a) - y(b)) : 0.3;
  return [left, right].map(({hand, wrist, elbow}) => {
    let found = false;
    for (let j = hand[0]; j < hand[1] && !found; j++) found = conf[j] > 0;
    return found && !(seen(wrist) && seen(elbow) && y(wrist) - y(elbow) > config.arms.below * width);
  });
}

function drawTracks(canvas, log, now, dark) {
  const ratio = devicePixelRatio || 1,
    w = Math.round(canvas.clientWidth * ratio),
    h = Math.round(canvas.clientHeight * ratio);
  if (!w || !h) return;
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, {width: w, height: h});
  const ctx = canvas.getContext('2d'),
    label = 62 * ratio,
    at = t => label + (w - label) * (1 - (now - t) / SECONDS);
  const row = h / 3,
    colors = ['#d95f02', '#1b7f79'];
  ctx.clearRect(0, 0, w, h);
  ctx.font = `${11 * ratio}px system-ui, sans-serif`;
  ctx.textBaseline = 'middle';
  ['left hand', 'right hand', 'words'].forEach((name, k) => {
    ctx.fillStyle = dark ? '#2a2f38' : '#eceae5';
    ctx.fillRect(label, k * row + ratio, w - label, row - 2 * ratio);
    ctx.fillStyle = dark ? '#aab' : '#667';
    ctx.fillText(name, 0, (k + 0.5) * row);
  });
  ctx.save();
  ctx.beginPath();
  ctx.rect(label, 0, w - label, h);
  ctx.clip();
  for (const {t, step, up} of log.hands)
    up.forEach((on, k) => {
      ctx.fillStyle = colors[k];
      if (on)
        ctx.fillRect(at(t), k * row + 3 * ratio, Math.max(1, at(t + step) - at(t) + 1), row - 6 * ratio);
    });
  const span = (s, strength) => {
    ctx.globalAlpha = strength;
    ctx.fillStyle = '#1b7f79';
    ctx.fillRect(at(s.start), 2 * row + 2 * ratio, Math.max(2, at(s.end) - at(s.start)), row - 4 * ratio);
    ctx.globalAlpha = 1;
    ctx.fillStyle = strength > 0.5 ? '#fff' : dark ? '#fff' : '#223';
    ctx.fillText(s.gloss, at(s.start) + 3 * ratio, 2.5 * row);
  };
  for (const s of log.partial) span(s, 0.3);
  for (const s of log.final) if (now - s.end < SECONDS) span(s, 0.9);
  ctx.restore();
}

function render({model, el: host}) {
  const config = model.get('config'),
    ui = build(config),
    post = courier(model);
  host.append(ui.root);
  const layout = config.layout,
    log = {hands: [], final: [], partial: []};
  const me = {
    state: 'ready',
    session: 0,
    running: false,
    recording: false,
    aspect: 4 / 3,
    close: [],
    tracker: null,
    waiting: [],
    flying: 0,
    sent: 0,
    answered: 0,
    dropped: 0,
    frames: [],
    cost: 0,
    delay: null,
    handsAt: 0,
    bodyAt: 0,
  };
  const clock = () => performance.now() / 1000;
  const dark = () => {
    const rgb = (getComputedStyle(ui.root).color.match(/[\d.]+/g) || [0, 0, 0]).map(Number);
    return (rgb[0] + rgb[1] + rgb[2]) / 3 > 140;
  };

  function tell(text) {
    if (ui.status.textContent !== text) ui.status.textContent = text;
  }
  function enter(state, more = '') {
    if (me.state !== state || more) tell([TEXT[state], more].filter(Boolean).join(' '));
    me.more = more;
    me.state = ui.root.dataset.state = state;
    show();
  }
  function show() {
    const engine = model.get('engine'),
      failed = FAILED.has(me.state);
    const busy = me.state === 'loading' || me.state === 'asking';
    ui.start.textContent = me.running || busy ? 'Stop' : 'Start';
    ui.record.textContent = me.recording ? 'Stop recording' : 'Record';
    ui.record.setAttribute('aria-pressed', String(me.recording));
    ui.record.disabled = !me.running;
    ui.teach.disabled = !me.running || me.recording || !ui.word.value.trim();
    ui.engine.value = engine;
    ui.engine.disabled = me.running || busy;
    ui.card.hidden = me.running;
    const brief = me.more && me.more.length > 240 ? `${me.more.slice(0, 240)}…` : me.more;
    const lines = failed ? [TEXT[me.state], brief] : consent(config, engine);
    ui.told.replaceChildren(...lines.filter(Boolean).map(text => el('p', {}, text)));
    const helps = me.state === 'engine-failed' || me.state === 'no-model';
    ui.other.hidden = !(helps && engine === 'browser' && config.plays.kind !== 'clip');
    ui.other.textContent = 'Let the kernel look instead: pictures go there, and none is kept';
  }

  function showWords() {
    const chip = (s, kind) =>
      el(
        'span',
        {class: `sb-chip ${kind}`, title: `${s.start.toFixed(1)} to ${s.end.toFixed(1)} s`},
        s.gloss,
        el('small', {}, `${Math.round(100 * s.confidence)} %`),
      );
    const empty = el('span', {class: 'sb-empty'}, 'Words appear here.');
    const chips = [...log.final.map(s => chip(s, 'final')), ...log.partial.map(s => chip(s, 'partial'))];
    ui.words.replaceChildren(...(chips.length ? chips : [empty]));
  }

  // The picture that was looked at and the skeleton found in it, so that they agree however long that took.
  function picture(xyz, conf, sheet) {
    const canvas = ui.canvas,
      ratio = devicePixelRatio || 1,
      a = me.aspect;
    const W = Math.round(canvas.clientWidth * ratio),
      H = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== W || canvas.height !== H) Object.assign(canvas, {width: W, height: H});
    const ctx = canvas.getContext('2d'),
      w = Math.min(W, H * a),
      h = w / a;
    ctx.clearRect(0, 0, W, H);
    const box = {x: (W - w) / 2, y: (H - h) / 2, width: w, height: h},
      hide = doubled(layout.twins, layout.ranges, conf);
    if (sheet) ctx.drawImage(sheet, box.x, box.y, w, h);
    drawSkeleton(ctx, layout.parts, xyz, conf, box, {dark: true, hide});
  }

  function numbers() {
    const now = clock();
    me.frames = me.frames.filter(t => now - t < 2);
    const rate = me.frames.length / Math.max(0.5, Math.min(2, now - me.begun));
    const parts = [`${rate.toFixed(0)} frames/s`];
    if (me.cost) parts.push(`tracking ${me.cost.toFixed(0)} ms`);
    if (me.delay !== null) parts.push(`last word ${me.delay.toFixed(1)} s after its end`);
    if (me.dropped) parts.push(`${me.dropped} dropped`);
    ui.numbers.textContent = parts.join(' · ');
    const delay = me.delay === null ? '' : me.delay.toFixed(2);
    Object.assign(ui.root.dataset, {fps: rate.toFixed(1), cost: me.cost.toFixed(1), delay});
  }

  // One frame of landmarks, from whatever engine. `row` says which frame of a clip it is, where the kernel
  // has the clip.
  function frame(t, xyz, conf, {forward = true, row = null, sheet = null} = {}) {
    if (!me.running) return;
    if (!log.hands.length) me.handsAt = me.bodyAt = t;
    const up = handsUp(config, xyz, conf, me.aspect),
      previous = log.hands.at(-1);
    if (up[0] || up[1]) me.handsAt = t;
    if (conf.some(c => c > 0)) me.bodyAt = t;
    log.hands.push({t, step: previous ? Math.min(0.5, t - previous.t) : 0.04, up});
    while (log.hands.length && t - log.hands[0].t > SECONDS) log.hands.shift();
    me.frames.push(clock());
    picture(xyz, conf, sheet);
    drawTracks(ui.tracks, log, t, dark());
    if (forward) {
      me.waiting.push([t, xyz, conf, row]);
      if (me.waiting.length > WAITING) {
        me.waiting.shift();
        me.dropped++;
      }
    }
    watch(t);
  }
  function watch(t) {
    if (!log.hands.length && !document.hidden) return;
    const silent = me.flying && performance.now() - me.answered > SILENT;
    const state = document.hidden
      ? 'background'
      : silent
        ? 'kernel-silent'
        : t - me.bodyAt > 3
          ? 'nobody'
          : t - me.handsAt > 4
            ? 'no-hands'
            : 'running';
    if (state !== me.state) enter(state);
  }

  function send() {
    if (performance.now() - me.answered > 2 * SILENT) me.flying = 0; // an answer was lost: try again
    if (!me.running || !me.waiting.length || me.flying >= IN_FLIGHT) return;
    const some = me.waiting.splice(0),
      J = layout.joints;
    const message = {kind: 'frames', session: me.session, times: some.map(s => s[0])};
    me.flying++;
    if (me.flying === 1) me.answered = performance.now();
    if (config.plays.kind === 'clip') return model.send({...message, rows: some.map(s => s[3])});
    const packed = new Float32Array(some.length * J * 4);
    some.forEach(([, xyz, conf], n) => {
      packed.set(xyz, n * J * 4);
      packed.set(conf, n * J * 4 + 3 * J);
    });
    model.send(message, undefined, [packed.buffer]);
  }

  function said(message) {
    if (message.session !== me.session) return;
    me.flying = Math.max(0, me.flying - (message.answers || 0));
    me.answered = performance.now();
    log.partial = message.partial;
    for (const s of message.final) {
      log.final.push(s);
      me.delay = clock() - s.end;
      ui.said.textContent = s.gloss;
    }
    log.final = log.final.slice(-KEPT);
    showWords();
  }

  async function playClip() {
    const source = config.plays,
      J = layout.joints,
      bytes = await (await post.fetchAll('source')).arrayBuffer();
    const all = new Float32Array(bytes),
      at = clock(),
      end = at + source.times.at(-1);
    let next = 0;
    const timer = setInterval(() => {
      for (; next < source.times.length && at + source.times[next] <= clock(); next++) {
        const base = next * J * 4;
        frame(at + source.times[next], all.slice(base, base + 3 * J), all.slice(base + 3 * J, base + 4 * J), {
          row: next,
        });
      }
      if (clock() > end + 0.5) stop('done');
    }, 15);
    me.close.push(() => clearInterval(timer));
  }

  async function openSource() {
    const video = ui.video,
      camera = config.plays.kind === 'camera';
    if (camera) {
      enter('asking');
      me.close.push(await openCamera(video));
    } else {
      const url = URL.createObjectURL(
        await post.fetchAll('source', s => tell(`Loading the video: ${Math.round(100 * s)} %`)),
      );
      const way = 'Track it first: Live(run, source=extract(path)).';
      me.close.push(() => {
        video.pause();
        video.removeAttribute('src');
        video.load();
        URL.revokeObjectURL(url);
      });
      await new Promise((resolve, reject) => {
        video.onloadeddata = resolve;
        video.onerror = () => reject(Object.assign(new Error(way), {state: 'source-failed'}));
        Object.assign(video, {src: url, muted: true});
      });
      video.onended = () => {
        if (me.running) stop('done');
      };
    }
    ui.root.classList.toggle('sb-mirrored', camera);
    me.aspect = video.videoWidth / video.videoHeight || 4 / 3;
    video.style.aspectRatio = ui.canvas.style.aspectRatio = me.aspect;
  }

  function newSheet() {
    // holds a picture while it is looked at
    const width = Math.min(640, ui.video.videoWidth || 640);
    return Object.assign(document.createElement('canvas'), {width, height: Math.round(width / me.aspect)});
  }

  async function trackHere() {
    me.tracker = me.tracker || (await openTracker(config, post, tell));
    ui.root.dataset.place = me.tracker.place;
    try {
      if (ui.video.readyState >= 2) await me.tracker.detect(ui.video, performance.now());
    } catch (e) {
      // the first takes long
      throw Object.assign(e, {state: 'engine-failed'});
    }
    const sheet = newSheet();
    let failures = 0;
    return async ms => {
      if (document.hidden) return;
      try {
        sheet.getContext('2d').drawImage(ui.video, 0, 0, sheet.width, sheet.height);
        const {xyz, conf, cost} = await me.tracker.detect(ui.video, ms);
        me.cost = me.cost ? 0.9 * me.cost + 0.1 * cost : cost;
        failures = 0;
        frame(ms / 1000, xyz, conf, {sheet});
      } catch (e) {
        if (!me.running || ++failures < 5) return;
        me.tracker.close();
        me.tracker = null;
        fail(Object.assign(e, {state: 'engine-failed'}));
      }
    };
  }

  // A picture goes to the kernel; the next one only when landmarks have come back, so none ever waits in a
  // queue.
  function trackThere() {
    const sheet = newSheet();
    return async ms => {
      if (document.hidden) return;
      sheet.getContext('2d').drawImage(ui.video, 0, 0, sheet.width, sheet.height);
      const jpeg = await new Promise(resolve => sheet.toBlob(resolve, 'image/jpeg', 0.85)),
        began = performance.now();
      const answer = new Promise(resolve => {
        me.seen = resolve;
        setTimeout(resolve, SILENT, null);
      });
      me.flying = 1;
      me.answered = began;
      model.send({kind: 'picture', session: me.session, time: ms / 1000}, undefined, [
        await jpeg.arrayBuffer(),
      ]);
      const all = await answer;
      if (!all) return me.running && enter('kernel-silent');
      me.cost = performance.now() - began;
      const J = layout.joints;
      frame(ms / 1000, all.slice(0, 3 * J), all.slice(3 * J), {forward: false, sheet});
    };
  }

  function begin(message) {
    // asked by the page, answered by the kernel
    return new Promise((resolve, reject) => {
      me.asked = {resolve, reject};
      model.send({kind: 'begin', session: me.session, ...message});
    });
  }

  async function start() {
    if (me.running || me.state === 'loading' || me.state === 'asking') return stop();
    const session = (me.session = Math.floor(1e9 * Math.random()) + 1),
      engine = model.get('engine');
    Object.assign(me, {waiting: [], flying: 0, dropped: 0, frames: [], cost: 0, delay: null});
    Object.assign(log, {hands: [], final: [], partial: []});
    enter('loading');
    const still = () => {
      if (me.session !== session) throw Object.assign(new Error(), {state: 'stopped'});
    };
    try {
      let see = null;
      const clip = config.plays.kind === 'clip';
      if (clip) me.aspect = config.plays.aspect;
      else await openSource();
      still();
      enter('loading');
      await begin({engine: clip ? 'clip' : engine, aspect: me.aspect});
      still();
      if (!clip) see = engine === 'browser' ? await trackHere() : trackThere();
      still();
      me.running = true;
      me.begun = me.handsAt = me.bodyAt = clock();
      enter('running');
      showWords();
      if (see) me.close.push(eachPicture(ui.video, see));
      if (config.plays.kind === 'video') await ui.video.play();
      const timer = setInterval(() => {
        send();
        numbers();
        watch(clock());
      }, BATCH);
      me.close.push(() => clearInterval(timer));
      if (clip) await playClip(); // the kernel has the clip, so only its drawing comes here
    } catch (e) {
      if (me.session === session && e.state !== 'stopped') fail(e);
    }
  }

  function halt() {
    if (me.recording) record(false);
    for (const close of me.close.splice(0)) close();
    me.running = false;
    if (me.seen) me.seen(null);
    ui.canvas.getContext('2d').clearRect(0, 0, ui.canvas.width, ui.canvas.height);
  }
  function fail(e) {
    halt();
    model.send({kind: 'end', session: me.session});
    enter(e.state || 'engine-failed', e.message);
  }
  function stop(state = 'stopped') {
    const was = me.running;
    me.flying = 0;
    send();
    halt();
    model.send({kind: 'end', session: me.session}); // the last words come as an answer
    if (!was) me.session = 0; // what is still loading is given up
    enter(state);
  }

  function record(on, word = '') {
    if (on === me.recording || (on && !me.running)) return;
    if (!on) send();
    me.recording = on;
    me.word = on ? word : me.word;
    model.send({kind: 'record', session: me.session, on, word: me.word || ''});
    tell(on ? `Recording${word ? `: sign “${word}” once, then press Stop recording` : ''}.` : 'Recorded.');
    show();
  }

  const answers = {
    said,
    file: post.got,
    ready: m => {
      if (m.session === me.session && me.asked) me.asked.resolve();
    },
    notice: m => tell(m.text),
    failed: m => {
      const e = Object.assign(new Error(m.text), {state: m.state});
      if (me.running) fail(e);
      else if (me.asked) me.asked.reject(e);
    },
    seen: (m, [b]) => {
      const numbers = new Float32Array(b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength));
      if (m.session === me.session && me.seen) me.seen(numbers);
    },
  };
  const heard = (message, buffers) => {
    const act = answers[message.kind];
    if (act) act(message, buffers);
  };
  model.on('msg:custom', heard);
  model.on('change:engine', show);
  ui.start.addEventListener('click', () => start());
  ui.record.addEventListener('click', () => record(!me.recording));
  ui.word.addEventListener('input', show);
  ui.teach.addEventListener('click', () => record(true, ui.word.value.trim()));
  ui.other.addEventListener('click', () => {
    model.set('engine', 'kernel');
    model.save_changes();
    start();
  });
  ui.engine.addEventListener('change', () => {
    model.set('engine', ui.engine.value);
    model.save_changes();
  });
  ui.root.addEventListener('keydown', e => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest('input, select')) return;
    const keys = {' ': () => start(), r: () => record(!me.recording)},
      act = keys[e.key.toLowerCase()];
    // a focused button has the space bar for itself
    if (!act || (e.key === ' ' && e.target.closest('button'))) return;
    e.preventDefault();
    e.stopPropagation();
    act();
  });
  const seen = () => {
    if (me.running) watch(clock());
  };
  document.addEventListener('visibilitychange', seen);
  enter('ready');
  tell(TEXT.ready);
  showWords();
  return () => {
    if (me.running) stop();
    if (me.tracker) me.tracker.close();
    model.off('msg:custom', heard);
    model.off('change:engine', show);
    document.removeEventListener('visibilitychange', seen);
  };
}

export default {render};
