/** An answer of the Docker Engine API other than success: its status and a JSON body with a `message`. */
export class DockerError extends Error {
  readonly status: 400 | 404 | 409;

  constructor(status: 400 | 404 | 409, message: string) {
    super(message);
    this.name = 'DockerError';
    this.status = status;
  }
}
