import { z } from 'zod';
import type { ContainerSpec, EngineContainer } from './container.ts';

/** The part of `POST /containers/create`'s body that the engine heeds (Docker Engine API, `ContainerCreate`). */
export const CreateBody = z.object({
  Image: z.string().min(1),
  Env: z.array(z.string()).nullish(),
  Labels: z.record(z.string(), z.string()).nullish(),
  HostConfig: z.object({ NetworkMode: z.string().nullish() }).nullish(),
});

/** Turns a create request into a container's description; `Env` entries without `=` are left out, as they unset. */
export function specOf(name: string, body: z.infer<typeof CreateBody>): ContainerSpec {
  const env = (body.Env ?? []).filter((entry) => entry.includes('='));
  return {
    name,
    image: body.Image,
    env: Object.fromEntries(
      env.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
    ),
    labels: body.Labels ?? {},
    networkMode: body.HostConfig?.NetworkMode ?? 'bridge',
  };
}

/** The answer to `GET /containers/{id}/json` (Docker Engine API, `ContainerInspect`). */
export function inspectView(container: EngineContainer): object {
  const { id, spec, createdAt } = container;
  const state = container.state();
  const env = Object.entries(spec.env).map(([name, value]) => `${name}=${value}`);
  return {
    Id: id,
    Created: createdAt.toISOString(),
    Name: `/${spec.name}`,
    Image: spec.image,
    State: {
      Status: state.status,
      Running: state.status === 'running',
      Paused: false,
      Restarting: false,
      OOMKilled: false,
      Dead: false,
      Pid: state.pid,
      ExitCode: state.exitCode,
    },
    Config: { Image: spec.image, Env: env, Labels: spec.labels },
    HostConfig: { NetworkMode: spec.networkMode },
    NetworkSettings: {
      Ports: Object.fromEntries(
        Object.entries(container.ports()).map(([inner, outer]) => [
          inner,
          [{ HostIp: '127.0.0.1', HostPort: String(outer) }],
        ]),
      ),
    },
  };
}
