// The player: a clip drawn on a canvas, with time, tracks and buttons. Part of every player of
// signbook.view.player, together with the first half of skeleton.js. Nothing here asks for anything from
// elsewhere.

// Differences from frame to frame, 16 bits a coordinate and 8 a confidence, deflated: summed up they are
// the clip.
async function unpack(clip) {
  const packed = Uint8Array.from(atob(clip.data), c => c.charCodeAt(0)),
    n = clip.frames * clip.joints;
  const bytes = await new Response(
    new Blob([packed]).stream().pipeThrough(new DecompressionStream('deflate')),
  ).arrayBuffer();
  clip.xyz = new Int16Array(bytes, 0, 3 * n);
  clip.conf = new Uint8Array(bytes, 6 * n, n);
  for (let i = 3 * clip.joints; i < 3 * n; i++) clip.xyz[i] += clip.xyz[i - 3 * clip.joints];
  for (let i = clip.joints; i < n; i++) clip.conf[i] += clip.conf[i - clip.joints];
}

// A function from (frame, joint) to [x, y, depth] in pixels.
function camera(clip, state, w, h) {
  const scale = clip.step * Math.min(w / clip.size[0], h / clip.size[1]),
    far = (3 * Math.max(...clip.size)) / clip.step;
  const turned = state.solid && clip.solid,
    [yaw, pitch] = turned ? [state.yaw, state.pitch] : [0, 0];
  const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  const look = (x, y, z) => {
    const across = cy * x + sy * z,
      deep = cy * z - sy * x,
      down = cp * y - sp * deep,
      away = sp * y + cp * deep;
    const k = scale * state.zoom * (turned ? far / Math.max(far + away, far / 4) : 1);
    return [w / 2 + k * across, h / 2 + k * down, away];
  };
  const at = (frame, joint) => {
    const i = 3 * (frame * clip.joints + joint);
    return look(clip.xyz[i], clip.xyz[i + 1], clip.xyz[i + 2]);
  };
  return Object.assign(at, {look, turned, pixel: scale * state.zoom});
}

function el(tag, attributes = {}, ...children) {
  const svg = ['svg', 'path', 'rect'].includes(tag),
    e = svg ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  for (const [k, v] of Object.entries(attributes)) e.setAttribute(k, v);
  e.append(...children);
  return e; // strings become text nodes, never markup
}

function panel(clip, height) {
  const ratio = Math.min(2, Math.max(0.6, clip.size[0] / clip.size[1])),
    canvas = el('canvas', {
      role: 'img',
      'aria-label': `Skeleton of ${clip.title}`,
      style: `aspect-ratio:${ratio}`,
    });
  const caption = el('div', {class: 'caption', 'aria-hidden': 'true'});
  const head = el('figcaption', {}, el('b', {}, clip.title), el('span', {}, clip.about));
  return {
    canvas,
    caption,
    figure: el(
      'figure',
      {style: `flex:${ratio} 1 0;max-width:${Math.round(height * ratio)}px`},
      head,
      el('div', {class: clip.solid ? 'stage turns' : 'stage'}, canvas, caption),
    ),
  };
}

function lane(row, count, state) {
  // one track: a label and what happens in time
  const percent = x => `${(100 * x).toFixed(3)}%`,
    box = el('div', {class: 'lane'});
  let label = el('span', {class: 'label', title: row.label}, row.label);
  if (row.spans)
    for (const [a, b, gloss] of row.spans)
      box.append(
        el(
          'i',
          {
            class: 'span',
            title: gloss,
            style: `left:${percent(a)};width:${percent(b - a)}`,
            'data-from': a,
            'data-to': b,
          },
          gloss,
        ),
      );
  if (row.curves) {
    box.classList.add('tall');
    const names = el('div', {class: 'names'});
    const svg = el('svg', {
      viewBox: '0 0 1000 100',
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': row.label,
    });
    box.append(svg, names);
    for (const c of row.curves) {
      svg.append(el('path', {d: c.path, style: `--c:${c.color}`}));
      if (c.label) names.append(el('span', {style: `--c:${c.color}`}, c.label));
    }
  }
  if (row.part) {
    label = el(
      'button',
      {
        class: 'label part',
        title: `Show or hide: ${row.label}` + (count > 1 ? ' (a stripe for each clip)' : ''),
        'aria-pressed': !state.hidden.has(row.part),
        'data-part': row.part,
      },
      el('i', {style: `--c:${row.color}`}),
      row.label,
    );
    for (const [k, a, b, level] of row.seen)
      box.append(
        el('i', {
          class: 'seen',
          style: [
            `--c:${row.color};left:${percent(a)};width:${percent(b - a)}`,
            `top:calc(3px + ${k} * (100% - 6px) / ${count})`,
            `height:calc((100% - 6px) / ${count} - ${count > 1 ? 1 : 0}px);opacity:${0.1 + 0.2 * level}`,
          ].join(';'),
        }),
      );
  }
  return [label, box];
}

function build(data, state) {
  const button = (text, name, value, title) =>
      el('button', {title, 'data-set': name, 'data-value': value}, text),
    choice = (label, ...buttons) =>
      el('div', {class: 'choice', role: 'group', 'aria-label': label}, ...buttons);
  const panels = data.clips.map(c => panel(c, data.height)),
    time = el('input', {
      type: 'range',
      min: 0,
      max: data.end,
      step: 'any',
      value: 0,
      'aria-label': 'Time in seconds',
    });
  const play = el('button', {class: 'play', title: 'Play or pause (space)'}),
    clock = el('output', {}),
    cursor = el('i', {class: 'cursor'});
  const solid = data.clips.some(c => c.solid),
    deep = button(
      '3D',
      'solid',
      1,
      solid ? 'Seen from any side: drag the picture (3)' : 'These joints have no depth',
    );
  deep.disabled = !solid;
  const bar = el(
    'div',
    {class: 'bar'},
    play,
    choice('Speed', ...data.speeds.map(s => button(`${s}×`, 'speed', s, `Speed ${s}`))),
    choice('View', button('2D', 'solid', 0, 'As the camera saw it (3)'), deep),
    choice(
      'Show',
      button('Trails', 'trails', '', 'Paths of wrists and fingertips over the last half second (t)'),
      button('Confidence', 'confidence', '', 'Pale where the tracker was not sure (c)'),
      button('Loop', 'loop', '', 'Begin again at the end (l)'),
    ),
  );
  const tracks = el(
    'div',
    {class: 'tracks'},
    el('span', {class: 'label'}, clock),
    time,
    ...data.rows.flatMap(r => lane(r, data.clips.length, state)),
    el('div', {class: 'over'}, cursor),
  );
  const root = el(
    'div',
    {
      class: 'player',
      role: 'group',
      tabindex: 0,
      'aria-label': data.label,
      style: `width:min(100%, ${data.width}px)`,
    },
    el('div', {class: 'panels'}, ...panels.map(p => p.figure)),
    bar,
    tracks,
    ...(data.note ? [el('p', {}, data.note)] : []),
  );
  return {root, panels, time, play, clock, cursor, tracks};
}

function run(host, data) {
  const state = {
    t: 0,
    playing: false,
    speed: data.speed,
    solid: data.solid,
    yaw: -0.5,
    pitch: 0.2,
    zoom: 1,
    loop: true,
    dark: false,
    hidden: new Set(data.hidden),
    trails: data.trails,
    confidence: data.confidence,
  };
  const ui = build(data, state),
    shadow = host.attachShadow({mode: 'open'});
  shadow.append(el('style', {}, data.style), ui.root);
  const frames = [...new Set(data.clips.flatMap(c => c.times))].sort((a, b) => a - b),
    frameAt = c => {
      let i = 0,
        j = c.frames - 1;
      while (i < j) {
        const m = (i + j + 1) >> 1;
        if (c.times[m] <= state.t + 1e-4) i = m;
        else j = m - 1;
      }
      return i;
    };
  const read = n => n.toFixed(2),
    spans = [...ui.tracks.querySelectorAll('.span')];
  const resized = () => {
    for (const {canvas} of ui.panels) {
      const ratio = devicePixelRatio || 1;
      canvas.width = Math.round(canvas.clientWidth * ratio);
      canvas.height = Math.round(canvas.clientHeight * ratio);
    }
    draw();
  };

  function draw() {
    data.clips.forEach((clip, k) => {
      const {canvas, caption} = ui.panels[k],
        w = canvas.width,
        h = canvas.height;
      if (!w || !h) return; // asking for its size on the page would lay the page out 60 times a second
      const ctx = canvas.getContext('2d'),
        frame = frameAt(clip),
        at = camera(clip, state, w, h),
        unit = h / 400 + (devicePixelRatio || 1) / 4;
      ctx.lineCap = ctx.lineJoin = 'round';
      ctx.globalAlpha = 1;
      ctx.clearRect(0, 0, w, h);
      const points = Array.from({length: clip.joints}, (_, j) => at(frame, j)),
        conf = clip.conf.subarray(frame * clip.joints, (frame + 1) * clip.joints),
        shown = clip.parts.filter(p => !state.hidden.has(p.name));
      if (at.turned) {
        const far = p => {
          const js = p.lines
            .flat()
            .concat(p.dots)
            .filter(j => conf[j]);
          return js.reduce((s, j) => s + points[j][2], 0) / (js.length || 1);
        };
        shown.sort((a, b) => far(b) - far(a));
        drawAxes(ctx, at, h, unit);
      }
      if (state.trails)
        for (const trail of clip.trails)
          if (!state.hidden.has(trail[1])) drawTrail(ctx, clip, trail, frame, state.t, at, state, unit);
      for (const p of shown) drawPart(ctx, p, points, conf, state, unit);
      const now = clip.spans
        .filter(([a, b]) => a <= state.t && state.t < b)
        .map(s => s[2])
        .join(' ');
      if (caption.textContent !== now) caption.textContent = now;
    });
    const first = data.clips[0];
    ui.time.value = state.t;
    ui.time.setAttribute(
      'aria-valuetext',
      `${read(state.t)} of ${read(data.end)} seconds, frame ${frameAt(first) + 1} of ${first.frames}`,
    );
    ui.clock.textContent = `${read(state.t)} / ${read(data.end)} s`;
    ui.cursor.style.left = `${(100 * state.t) / data.end}%`;
    for (const s of spans)
      s.classList.toggle('now', +s.dataset.from <= state.t / data.end && state.t / data.end < +s.dataset.to);
  }
  function show() {
    // what is pressed, and the colours of the page around
    const rgb = getComputedStyle(host.parentElement || host)
      .color.match(/[\d.]+/g)
      .map(Number);
    state.dark = (rgb[0] + rgb[1] + rgb[2]) / 3 > 140;
    ui.root.classList.toggle('dark', state.dark);
    ui.play.textContent = state.playing ? '❚❚ Pause' : '▶ Play';
    for (const b of ui.root.querySelectorAll('[data-set]'))
      b.setAttribute(
        'aria-pressed',
        b.dataset.value === '' ? state[b.dataset.set] : +state[b.dataset.set] === +b.dataset.value,
      );
    for (const b of ui.root.querySelectorAll('[data-part]'))
      b.setAttribute('aria-pressed', !state.hidden.has(b.dataset.part));
    ui.root.classList.toggle('solid', !!state.solid);
    draw();
  }
  control(host, data, state, ui, frames, show, draw);
  show();
  new ResizeObserver(resized).observe(ui.root);
  resized();
  // a page that changes its theme does so on its body
  const theme = new MutationObserver(() => (host.isConnected ? show() : theme.disconnect()));
  for (const e of [document.body, document.documentElement])
    theme.observe(e, {
      attributes: true,
      attributeFilter: ['class', 'style', 'theme', 'data-theme', 'data-jp-theme-light'],
    });
}

function control(host, data, state, ui, frames, show, draw) {
  let last = 0;
  const tick = now => {
    if (!state.playing || !host.isConnected) {
      state.playing = false;
      return;
    } // a cleared output stops by itself
    state.t += state.speed * Math.min(0.25, (now - last) / 1000);
    last = now; // a page in the background does not jump ahead
    if (state.t >= data.end) {
      if (state.loop) state.t %= data.end;
      else {
        state.t = data.end;
        state.playing = false;
        show();
        return;
      }
    }
    draw();
    requestAnimationFrame(tick);
  };
  const play = on => {
    if (on && state.t >= data.end - 1e-3) state.t = 0;
    const was = state.playing;
    state.playing = on;
    show();
    if (on && !was)
      requestAnimationFrame(now => {
        last = now;
        tick(now);
      });
  };
  const seek = t => {
    state.t = Math.min(data.end, Math.max(0, t));
    draw();
  };
  const step = by => {
    play(false);
    seek(
      by > 0
        ? (frames.find(f => f > state.t + 1e-3) ?? data.end)
        : (frames.findLast(f => f < state.t - 1e-3) ?? 0),
    );
  };
  const turn = (dx, dy) => {
    state.yaw += dx;
    state.pitch = Math.max(-1.5, Math.min(1.5, state.pitch + dy));
    draw();
  };
  const toggle = name => {
      state[name] = !state[name];
      show();
    },
    solid = data.clips.some(c => c.solid);
  const keys = {
    ' ': () => play(!state.playing),
    ArrowRight: () => step(1),
    ArrowLeft: () => step(-1),
    Home: () => seek(0),
    End: () => seek(data.end),
    3: () => solid && toggle('solid'),
    t: () => toggle('trails'),
    c: () => toggle('confidence'),
    l: () => toggle('loop'),
  };
  const turns = {ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1]};

  ui.root.addEventListener('click', e => {
    const b = e.target.closest('button');
    if (!b) return;
    if (b === ui.play) play(!state.playing);
    else if (b.dataset.part) {
      if (!state.hidden.delete(b.dataset.part)) state.hidden.add(b.dataset.part);
      show();
    } else if (b.dataset.value === '') toggle(b.dataset.set);
    else {
      state[b.dataset.set] = b.dataset.set === 'solid' ? b.dataset.value === '1' : +b.dataset.value;
      show();
    }
  });
  ui.root.addEventListener('keydown', e => {
    const act =
      e.shiftKey && state.solid && turns[e.key]
        ? () => turn(...turns[e.key])
        : !e.ctrlKey && !e.metaKey && !e.altKey && keys[e.key];
    // a focused button has the space bar for itself
    if (!act || (e.key === ' ' && e.target.closest('button'))) return;
    e.preventDefault();
    e.stopPropagation();
    act();
  });
  ui.time.addEventListener('input', () => seek(+ui.time.value));
  const drag = (target, move, when = () => true) => {
    target.addEventListener('pointerdown', e => {
      if (!when(e)) return;
      target.setPointerCapture(e.pointerId);
      target.held = [e.clientX, e.clientY];
      move(e, 0, 0);
    });
    target.addEventListener('pointermove', e => {
      if (!target.held) return;
      const [x, y] = target.held;
      target.held = [e.clientX, e.clientY];
      move(e, e.clientX - x, e.clientY - y);
    });
    for (const end of ['pointerup', 'pointercancel'])
      target.addEventListener(end, () => {
        target.held = null;
      });
  };
  const over = ui.cursor.parentElement;
  drag(over, e => {
    const box = over.getBoundingClientRect();
    seek((data.end * (e.clientX - box.left)) / box.width);
  });
  for (const {canvas} of ui.panels) {
    drag(
      canvas,
      (e, dx, dy) => turn(dx / 120, dy / 120),
      () => state.solid,
    );
    canvas.addEventListener('dblclick', () => {
      Object.assign(state, {yaw: -0.5, pitch: 0.2, zoom: 1});
      draw();
    });
    canvas.addEventListener(
      'wheel',
      e => {
        if (!e.ctrlKey && !e.metaKey) return;
        e.preventDefault();
        state.zoom = Math.min(6, Math.max(0.4, state.zoom * Math.exp(-e.deltaY / 300)));
        draw();
      },
      {passive: false},
    );
  }
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', show);
  ui.root.addEventListener('pointerenter', show); // a page may change its colours in ways that nobody tells
}
