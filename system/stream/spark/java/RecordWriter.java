package riskstream;

import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.spark.TaskContext;
import org.apache.spark.sql.ForeachWriter;
import org.apache.spark.sql.Row;

/**
 * Sends the rows of one task of a real-time query to the driver, in frames over a socket.
 *
 * Frames are little-endian and defined by system/stream/real_time/frames.py. A row is sent at
 * once where none came shortly before it; while frames follow one another each is FRAME_PAUSE_MS
 * after the one before, so that frames grow with the rate. A driver that does not read fills the
 * socket, then the frame under construction, then holds up the task: that is the back-pressure.
 */
public final class RecordWriter extends ForeachWriter<Row> {
    private static final int HELLO = 1;
    private static final int RECORDS = 2;
    private static final int END = 3;
    private static final int FRAME_BYTES = 1 << 20;
    private static final int FRAME_PAUSE_MS = 2;
    private static final int CONNECT_MS = 10_000;

    private final String host;
    private final int port;
    private final String secret;
    private transient Link link;

    public RecordWriter(String host, int port, String secret) {
        this.host = host;
        this.port = port;
        this.secret = secret;
    }

    @Override
    public boolean open(long task, long batch) {
        try {
            link = new Link(host, port, secret, (int) task, TaskContext.get().attemptNumber(), batch);
        } catch (IOException error) {
            throw new IllegalStateException("cannot reach the driver at " + host + ":" + port, error);
        }
        return true;
    }

    @Override
    public void process(Row row) {
        try {
            link.add(row);
        } catch (IOException | InterruptedException error) {
            throw new IllegalStateException("the link to the driver is broken", error);
        }
    }

    @Override
    public void close(Throwable error) {
        if (link != null) {
            try {
                link.close(error == null);
            } catch (IOException | InterruptedException broken) {
                throw new IllegalStateException("the link to the driver is broken", broken);
            }
        }
    }

    /** Rows of one partition, column by column, until they are sent. */
    private static final class Frame {
        String topic;
        int partition;
        int count;
        int size;
        long[] offsets = new long[256];
        long[] appendedMs = new long[256];
        int[] lengths = new int[256];
        byte[] values = new byte[1 << 16];

        boolean takes(Row row) {
            return count == 0
                    || (size < FRAME_BYTES && row.getInt(1) == partition && row.getString(0).equals(topic));
        }

        void add(Row row) {
            if (count == 0) {
                topic = row.getString(0);
                partition = row.getInt(1);
            }
            byte[] value = row.isNullAt(3) ? new byte[0] : (byte[]) row.get(3);
            if (count == offsets.length) {
                offsets = Arrays.copyOf(offsets, 2 * count);
                appendedMs = Arrays.copyOf(appendedMs, 2 * count);
                lengths = Arrays.copyOf(lengths, 2 * count);
            }
            if (size + value.length > values.length) {
                values = Arrays.copyOf(values, 2 * (size + value.length));
            }
            offsets[count] = row.getLong(2);
            appendedMs[count] = row.getTimestamp(4).getTime();
            lengths[count] = value.length;
            System.arraycopy(value, 0, values, size, value.length);
            count += 1;
            size += value.length;
        }

        ByteBuffer encoded() {
            byte[] name = topic.getBytes(StandardCharsets.UTF_8);
            ByteBuffer body = framed(RECORDS, 12 + name.length + 20 * count + size);
            body.putInt(partition).putInt(name.length).putInt(count).put(name);
            for (int row = 0; row < count; row++) {
                body.putLong(offsets[row]);
            }
            for (int row = 0; row < count; row++) {
                body.putLong(appendedMs[row]);
            }
            for (int row = 0; row < count; row++) {
                body.putInt(lengths[row]);
            }
            return body.put(values, 0, size);
        }

        Frame emptied() {
            count = 0;
            size = 0;
            return this;
        }
    }

    private static ByteBuffer framed(int kind, int length) {
        return ByteBuffer.allocate(8 + length).order(ByteOrder.LITTLE_ENDIAN).putInt(kind).putInt(length);
    }

    /** The socket, and the thread that sends what was added while the frame before was sent. */
    private static final class Link implements Runnable {
        private final Socket socket = new Socket();
        private final OutputStream out;
        private final Thread sender = new Thread(this, "record-writer");
        private Frame filling = new Frame();
        private Frame spare = new Frame();
        private boolean isEnding;
        private IOException failure;

        Link(String host, int port, String secret, int task, int attempt, long batch) throws IOException {
            socket.setTcpNoDelay(true);
            socket.connect(new InetSocketAddress(host, port), CONNECT_MS);
            out = socket.getOutputStream();
            byte[] word = secret.getBytes(StandardCharsets.US_ASCII);
            out.write(framed(HELLO, 16 + word.length).putInt(task).putInt(attempt).putLong(batch).put(word).array());
            sender.setDaemon(true);
            sender.start();
        }

        synchronized void add(Row row) throws IOException, InterruptedException {
            while (failure == null && !filling.takes(row)) {
                wait();
            }
            if (failure != null) {
                throw failure;
            }
            filling.add(row);
            if (filling.count == 1) {
                notifyAll();
            }
        }

        void close(boolean isWhole) throws IOException, InterruptedException {
            if (!isWhole) {
                socket.close();
                return;
            }
            synchronized (this) {
                isEnding = true;
                notifyAll();
            }
            try {
                sender.join();
            } finally {
                socket.close();
            }
            if (failure != null) {
                throw failure;
            }
        }

        @Override
        public void run() {
            try {
                for (Frame frame = next(); frame != null; frame = next()) {
                    out.write(frame.encoded().array());
                    Thread.sleep(FRAME_PAUSE_MS);
                }
                out.write(framed(END, 0).array());
            } catch (IOException | InterruptedException error) {
                synchronized (this) {
                    failure = error instanceof IOException ? (IOException) error : new IOException(error);
                    notifyAll();
                }
            }
        }

        private synchronized Frame next() throws InterruptedException {
            while (filling.count == 0 && !isEnding) {
                wait();
            }
            if (filling.count == 0) {
                return null;
            }
            Frame taken = filling;
            filling = spare.emptied();
            spare = taken;
            notifyAll();
            return taken;
        }
    }
}
