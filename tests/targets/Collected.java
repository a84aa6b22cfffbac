// SPDX-License-Identifier: GPL-2.0-or-later
//
// Compiled code that calls into the virtual machine all the time, while garbage is collected:
//
//     java Collected.java [MILLISECONDS]
//
// Arrays of two dimensions, exceptions and a lock that two threads want are what compiled code leaves to the
// machine's own functions. The collector walks the stack from there, by the return address that it finds.
import java.util.ArrayList;
import java.util.List;
import java.util.Scanner;

public class Collected {
	private static final Object lock = new Object();
	private static volatile Object sink;
	private static volatile boolean over;

	private static void contend() {
		while (!over) {
			synchronized (lock) {
				sink = new long[10];
			}
		}
	}

	private static int allocate(List<Object> kept) {
		int caught = 0;

		for (int i = 0; i < 100; i++) {
			kept.add(new byte[1000 + i * 50]);
			sink = new int[2][3];
			try {
				kept.get(kept.size());
			} catch (IndexOutOfBoundsException e) {
				caught++;
			}
		}
		if (kept.size() > 5000)
			kept.clear();
		return caught;
	}

	private static void work(long milliseconds) {
		final List<Object> kept = new ArrayList<>();
		final long end = System.nanoTime() + milliseconds * 1000000;

		while (System.nanoTime() < end) {
			if (allocate(kept) != 100)
				throw new IllegalStateException("an exception was lost");
		}
	}

	public static void main(String[] args) throws Exception {
		final long milliseconds = args.length > 0 ? Long.parseLong(args[0]) : 1000;
		final Scanner in = new Scanner(System.in);
		final Thread[] threads = {new Thread(Collected::contend), new Thread(Collected::contend)};

		for (Thread thread : threads)
			thread.start();
		work(milliseconds); // so that there is compiled code
		System.out.println("ready " + ProcessHandle.current().pid());
		in.nextLine();
		work(milliseconds);
		over = true;
		for (Thread thread : threads)
			thread.join();
		System.out.println("done survived=1");
		in.hasNextLine();
	}
}
