CREATE TABLE `agents` (
	`agent` text PRIMARY KEY NOT NULL,
	`role` text NOT NULL,
	`baseBranch` text,
	`agentCommand` text,
	`status` text DEFAULT 'idle' NOT NULL,
	`bead` text,
	`branch` text,
	`hookedAt` integer,
	`generation` integer DEFAULT 0 NOT NULL,
	`readyGeneration` integer DEFAULT 0 NOT NULL,
	`startId` text,
	`attempts` integer DEFAULT 0 NOT NULL,
	`startTries` integer DEFAULT 0 NOT NULL,
	`notBefore` integer,
	`startedAt` integer,
	`lastSeenAt` integer,
	`fault` text,
	`snapshot` text,
	`atRisk` text,
	`finishing` text,
	`lastExit` text
);
--> statement-breakpoint
CREATE TABLE `finished` (
	`agent` text NOT NULL,
	`bead` text NOT NULL,
	`branch` text NOT NULL,
	`head` text,
	`prUrl` text,
	`summary` text,
	`doneAt` integer NOT NULL,
	PRIMARY KEY(`agent`, `bead`)
);
--> statement-breakpoint
CREATE TABLE `rig` (
	`rig` text PRIMARY KEY NOT NULL,
	`bootId` text,
	`generation` integer DEFAULT 0 NOT NULL,
	`state` text DEFAULT 'dark' NOT NULL,
	`fault` text,
	`restoringSince` integer,
	`restoreTries` integer DEFAULT 0 NOT NULL,
	`restoreNotBefore` integer,
	`refSpace` text DEFAULT 'private' NOT NULL,
	`heldUntil` integer,
	`orders` text,
	`repoCache` text
);
