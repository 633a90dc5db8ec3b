CREATE TABLE `boots` (
	`generation` integer PRIMARY KEY NOT NULL,
	`bootId` text NOT NULL,
	`acceptedAt` integer NOT NULL,
	`lastHeartbeatAt` integer,
	`endedAt` integer,
	`exit` text
);
--> statement-breakpoint
CREATE UNIQUE INDEX `boots_bootId_unique` ON `boots` (`bootId`);--> statement-breakpoint
CREATE TABLE `directory` (
	`town` text PRIMARY KEY NOT NULL,
	`createdAt` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `feed` (
	`seq` integer PRIMARY KEY AUTOINCREMENT NOT NULL,
	`at` integer NOT NULL,
	`change` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `recoveries` (
	`recoveryId` text PRIMARY KEY NOT NULL,
	`bootId` text NOT NULL,
	`generation` integer NOT NULL,
	`trigger` text NOT NULL,
	`status` text NOT NULL,
	`startedAt` integer NOT NULL,
	`finishedAt` integer,
	`progressAt` integer NOT NULL,
	`restarts` integer DEFAULT 0 NOT NULL,
	`fault` text
);
--> statement-breakpoint
CREATE INDEX `recoveries_by_start` ON `recoveries` (`startedAt`);--> statement-breakpoint
CREATE TABLE `recovery_rigs` (
	`recoveryId` text NOT NULL,
	`rig` text NOT NULL,
	`status` text NOT NULL,
	`fault` text,
	`phases` text NOT NULL,
	`agents` text NOT NULL,
	PRIMARY KEY(`recoveryId`, `rig`)
);
--> statement-breakpoint
CREATE TABLE `rigs` (
	`rig` text PRIMARY KEY NOT NULL,
	`spec` text NOT NULL,
	`state` text DEFAULT 'dark' NOT NULL,
	`activeAgents` integer DEFAULT 0 NOT NULL,
	`removing` integer DEFAULT false NOT NULL,
	`createdAt` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `town` (
	`town` text PRIMARY KEY NOT NULL,
	`settings` text NOT NULL,
	`heldDown` integer DEFAULT false NOT NULL,
	`deaths` integer DEFAULT 0 NOT NULL,
	`startingSince` integer,
	`nextStartAt` integer,
	`launchTries` integer DEFAULT 0 NOT NULL,
	`nextLaunchAt` integer,
	`failedChecks` integer DEFAULT 0 NOT NULL,
	`wedgedAt` integer,
	`wedgeRestarts` text DEFAULT '[]' NOT NULL,
	`breaker` text DEFAULT '{"failed":[],"openedAt":null,"probe":null}' NOT NULL,
	`fault` text,
	`createdAt` integer NOT NULL
);
