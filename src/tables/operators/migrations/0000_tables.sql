CREATE TABLE `operators` (
	`name` text PRIMARY KEY NOT NULL,
	`tokenHash` text NOT NULL,
	`createdAt` integer NOT NULL,
	`lastUsedAt` integer
);
--> statement-breakpoint
CREATE UNIQUE INDEX `operators_tokenHash_unique` ON `operators` (`tokenHash`);