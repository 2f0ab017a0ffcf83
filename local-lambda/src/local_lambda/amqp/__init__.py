"""Functions behind RabbitMQ: a worker that serves queues, and a client that calls. Needs the extra `amqp`."""
